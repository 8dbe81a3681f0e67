"""A bell: any thread rings it, and the worker's event loop hears it at once."""

import contextlib
import socket
from typing import Final

_DRAIN_BYTES: Final = 4096


class Wakeup:
    """A socket pair for an event loop that sleeps until a file descriptor is readable.

    kombu's hub has no thread-safe way to be woken; its timers alone would cost up to a second.
    """

    def __init__(self) -> None:
        self._heard, self._rung = socket.socketpair()
        self._heard.setblocking(False)
        self._rung.setblocking(False)

    def fileno(self) -> int:
        """What the loop watches for reading."""
        return self._heard.fileno()

    def ring(self) -> None:
        """Wake the loop. Safe from any thread, also after `close`."""
        # Full means that it rings already, closed that nobody listens.
        with contextlib.suppress(OSError):
            self._rung.send(b"\0")

    def hush(self) -> None:
        """Forget the rings so far: called by the loop before it looks at what there is to do."""
        with contextlib.suppress(BlockingIOError):
            self._heard.recv(_DRAIN_BYTES)

    def close(self) -> None:
        """Give back both sockets."""
        self._heard.close()
        self._rung.close()
