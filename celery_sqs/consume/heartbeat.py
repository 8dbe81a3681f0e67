"""The heartbeat of a worker's event loop, by which other threads know that it still runs."""

from collections.abc import Callable
from typing import Any, Final

from celery_sqs import system

BEAT_EVERY: Final = 1.0  # seconds

#: Seconds without a beat after which the event loop counts as stopped. Nothing that it does takes a second.
STOPPED_AFTER: Final = 30.0


class Heartbeat:
    """Beaten by the event loop, and read by the threads that work for it.

    Before `begin` and after `end` no beat is due: a worker that stops waits for its pool, and its loop no longer runs.

    Args:
        stopped_after: seconds without a beat after which the loop counts as stopped.
    """

    def __init__(self, stopped_after: float = STOPPED_AFTER) -> None:
        self._stopped_after = stopped_after
        self._beat_at = system.time.monotonic()
        self._is_busy: Callable[[], bool] = lambda: False
        self._timer: Any = None

    def begin(self, hub: Any, is_busy: Callable[[], bool]) -> None:
        """Have an event loop beat.

        Args:
            hub: kombu's.
            is_busy: whether a task runs in the main thread, which holds the loop up for as long as it likes.
        """
        self._is_busy = is_busy
        self._beat()
        self._timer = hub.call_repeatedly(BEAT_EVERY, self._beat)

    def end(self) -> None:
        """No beat is due any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        self._beat_at = system.time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the last beat; 0 while none is due. A task in the main thread counts as one."""
        if self._timer is None:
            return 0.0
        if self._is_busy():
            # Else the loop would seem to have stopped long ago when the task ends.
            self._beat()
        return system.time.monotonic() - self._beat_at

    @property
    def has_stopped(self) -> bool:
        """Whether the event loop no longer runs."""
        return self.age >= self._stopped_after
