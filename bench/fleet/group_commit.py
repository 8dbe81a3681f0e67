"""Group commit in the model: the rules of `celery_sqs.aws.group_commit`, in virtual time."""

from collections import deque
from collections.abc import Callable

from bench.fleet.events import Action, Events
from celery_sqs.aws.group_commit import MAX_ENTRIES, STALLED, Limits


class GroupCommit:
    """Collects messages and sends them in batches.

    Args:
        events: the clock.
        limits: those of the code.
        send: makes the batch call, and says when it is done.
    """

    def __init__(self, events: Events, limits: Limits, send: Callable[[list[float], Action], None]) -> None:
        self._events = events
        self._limits = limits
        self._send = send
        self._waiting: deque[tuple[float, float]] = deque()
        self._under_way = 0
        self._look_at = float("inf")

    def add(self, message: float) -> None:
        """Take a message along with the next batch."""
        self._waiting.append((self._events.now, message))
        self._start()

    def _start(self) -> None:
        while self._waiting and self._under_way < self._limits.concurrency:
            left = self._seconds_left()
            if left > 0:
                self._look_later(left)
                return
            count = min(MAX_ENTRIES, len(self._waiting))
            batch = [self._waiting.popleft()[1] for _ in range(count)]
            self._under_way += 1
            self._send(batch, self._done)

    def _seconds_left(self) -> float:
        """Seconds until a batch is due."""
        if len(self._waiting) >= MAX_ENTRIES:
            return 0.0
        due = self._waiting[0][0] + self._limits.linger + (STALLED if self._under_way else 0.0)
        return due - self._events.now

    def _look_later(self, seconds: float) -> None:
        at = self._events.now + seconds
        if at < self._look_at or self._look_at <= self._events.now:
            self._look_at = at
            self._events.after(seconds, self._start)

    def _done(self) -> None:
        self._under_way -= 1
        self._start()
