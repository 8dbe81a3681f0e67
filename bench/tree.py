"""What a process and its children use: CPU time and memory."""

import contextlib
import threading
from types import TracebackType
from typing import Final, Self

import psutil

_PERIOD: Final = 0.25  # seconds between two looks at the memory

MIB: Final = 1024 * 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of a process tree so far, children that have ended included."""
    total = 0.0
    for process in _tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


class PeakMemory:
    """Watches a process tree's memory for as long as the `with` block runs.

    It is the sum of resident set sizes, in which pages that a parent shares with its children count
    once for each of them.
    """

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_PERIOD):
            resident = 0
            for process in _tree(self._pid):
                with contextlib.suppress(psutil.NoSuchProcess):
                    resident += process.memory_info().rss
            self.bytes = max(self.bytes, resident)


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
