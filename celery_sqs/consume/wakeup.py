"""Waking the event loop of a worker from any thread: the self-pipe trick."""

import contextlib
from typing import Final

from celery_sqs import system

_DRAIN_BYTES: Final = 4096


class Wakeup:
    """A socket pair for an event loop that sleeps until a file descriptor is readable.

    kombu's hub has no thread-safe way to be woken; its timers alone would cost up to a second.
    """

    def __init__(self) -> None:
        self._read, self._write = system.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)

    def fileno(self) -> int:
        """What the event loop polls for reading."""
        return self._read.fileno()

    def wake(self) -> None:
        """Wake the loop. Safe from any thread, also after `close`."""
        # Full means that a wake-up is waiting already, closed that the loop has ended.
        with contextlib.suppress(OSError):
            self._write.send(b"\0")

    def drain(self) -> None:
        """Read what has been written so far: called by the loop before it looks at what there is to do."""
        with contextlib.suppress(BlockingIOError):
            self._read.recv(_DRAIN_BYTES)

    def close(self) -> None:
        """Close both sockets."""
        self._read.close()
        self._write.close()
