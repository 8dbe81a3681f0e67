"""How long an operation on the database may take as a whole, whatever it consists of."""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final

#: Seconds; a socket would take 0 for "do not wait", which is another error.
_LEAST: Final = 0.001

_end: ContextVar[float] = ContextVar("end", default=float("inf"))


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let whatever waits for the database in this block wait no longer than to the block's deadline.

    A block inside another one does not have more time than that.

    Args:
        seconds: from now to the deadline.
    """
    token = _end.set(min(_end.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _end.reset(token)


def left(longest: float | None) -> float | None:
    """Seconds that a wait may take now: `longest`, or what is left to the deadline; None: without a limit."""
    seconds = _end.get() - time.monotonic()
    if longest is not None:
        seconds = min(longest, seconds)
    return None if seconds == float("inf") else max(_LEAST, seconds)
