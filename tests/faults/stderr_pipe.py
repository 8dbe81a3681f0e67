"""A process whose stderr is a pipe that somebody reads, until nobody does."""

import contextlib
import fcntl
import os
import select
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.processes import Process

SMALLEST_PIPE: Final = 4096  # bytes
USUAL_PIPE: Final = 65536
LOOK_EVERY: Final = 0.1  # seconds


class PipedProcess(Process):
    """A process whose stderr goes through a pipe into its log, as a container's goes through its runtime."""

    def __init__(self, command: Sequence[str | Path], log: Path, environment: Mapping[str, str]) -> None:
        pipe = log.with_suffix(".stderr")
        os.mkfifo(pipe)
        # For reading and writing: a pipe that is open only for reading ends with its first writer.
        self._pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        self._read_by = log
        self._is_read, self._over = threading.Event(), threading.Event()
        self._is_read.set()
        self._reader = threading.Thread(target=self._copy, name="stderr-reader", daemon=True)
        super().__init__(["sh", "-c", 'exec "$@" 2> "$0"', pipe, *command], log, environment)
        self._reader.start()

    @property
    def is_stuck(self) -> bool:
        """Whether nobody reads its stderr."""
        return not self._is_read.is_set()

    @contextlib.contextmanager
    def stuck(self):
        """Read no more of its stderr, and have little room in the pipe, as long as the block runs."""
        self._is_read.clear()
        with contextlib.suppress(OSError):  # the pipe holds more than that already
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, SMALLEST_PIPE)
        try:
            yield
        finally:
            self._is_read.set()

    def kill(self) -> None:
        """SIGKILL, and read what is left in the pipe."""
        super().kill()
        self._is_read.set()
        self._over.set()
        self._reader.join()

    def _copy(self) -> None:
        with self._read_by.open("ab", buffering=0) as log:
            while self._copy_once(log) or not self._over.is_set():
                self._is_read.wait()
        os.close(self._pipe)

    def _copy_once(self, log) -> bool:
        """Copy what there is; returns whether there was anything."""
        readable, _, _ = select.select([self._pipe], [], [], LOOK_EVERY)
        if not readable or self.is_stuck:
            return False
        return bool(log.write(os.read(self._pipe, USUAL_PIPE)))
