"""CPU time and memory of processes and their children. Linux only: it reads /proc."""

import contextlib
import re
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

_SAMPLE_INTERVAL: Final = 0.5  # seconds
_PSS: Final = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)

KIB: Final = 1024
MIB: Final = 1024 * 1024


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of process trees so far, children that have ended included."""
    total = 0.0
    for process in _trees(pids):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def memory(pids: Iterable[int]) -> int:
    """Bytes of memory of process trees: the proportional set sizes, in which a page that n processes share counts once.

    https://docs.kernel.org/filesystems/proc.html, section 1.1, smaps_rollup
    """
    total = 0
    for process in _trees(pids):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found = _PSS.search(Path(f"/proc/{process.pid}/smaps_rollup").read_text())
            total += int(found[1]) * KIB if found else 0
    return total


class PeakMemory:
    """The peak memory of process trees in a `with` block.

    Attributes:
        bytes: the peak.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self.bytes = 0
        self._pids = pids
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_over, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._sample()  # however short the block was

    def _sample_until_over(self) -> None:
        while not self._over.wait(_SAMPLE_INTERVAL):
            self._sample()

    def _sample(self) -> None:
        self.bytes = max(self.bytes, memory(self._pids))


def _trees(pids: Iterable[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            found += [root, *root.children(recursive=True)]
    return found
