"""Group commit: joins single requests to SQS into batch calls.

A batch is sent when it is full, or when no other is under way and its oldest entry has waited long enough. So a lone
entry is sent at once, and under load whatever arrives while one batch is under way becomes the next.
"""

import collections
import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from celery_sqs import system
from celery_sqs.threads import Guarded

T = TypeVar("T")

#: What SQS takes in one batch call:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_ENTRIES: Final = 10
MAX_BATCH_BYTES: Final = 1024 * 1024

#: Seconds an entry waits for a batch that is under way, which may hang, before it is sent beside it.
STALLED: Final = 0.25


class Full(Exception):
    """There is no room for entries; its text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How a batcher behaves.

    Attributes:
        linger: seconds an entry may wait for others while no batch is under way.
        concurrency: batches under way at once, each on a thread of its own.
        capacity: entries waiting, at the most.
    """

    linger: float
    concurrency: int
    capacity: int


class GroupCommit(Generic[T]):
    """Collects entries and sends them in batches.

    Args:
        name: of its threads.
        send: makes the batch call; deals with all errors itself, by `retry_later` where that helps.
        size: bytes of an entry.
        limits: how many and how long.
    """

    def __init__(self, name: str, send: Callable[[list[T]], None], size: Callable[[T], int], limits: Limits) -> None:
        self._name = name
        self._send = send
        self._size = size
        self._limits = limits
        self._changed = system.threading.Condition()
        self._waiting: collections.deque[tuple[float, T]] = collections.deque()
        self._later: list[tuple[float, int, T]] = []
        self._numbers = itertools.count()
        self._under_way = 0
        self._closed = False
        self._threads: list[Guarded] = []

    def add(self, entry: T) -> None:
        """Take an entry along with the next batch.

        Raises:
            Full: as for `add_all`.
        """
        self.add_all([entry])

    def add_all(self, entries: Sequence[T]) -> None:
        """Take entries along with the next batches.

        Raises:
            Full: too many are waiting already, it is closed, or no thread can be started. None of these is taken.
        """
        with self._changed:
            if self._closed:
                raise Full("nothing is sent any more")
            if len(self._waiting) + len(self._later) + len(entries) > self._limits.capacity:
                raise Full(f"{self._limits.capacity} are waiting to be sent already")
            self._start()
            now = system.time.monotonic()
            is_first = not self._waiting
            self._waiting.extend((now, entry) for entry in entries)
            # Waking a thread for each entry would cost more than sending does.
            if is_first or self._is_due(now):
                self._changed.notify()

    def retry_later(self, entry: T, delay: float) -> None:
        """Take an entry whose batch call failed along once more, after so many seconds."""
        with self._changed:
            heapq.heappush(self._later, (system.time.monotonic() + delay, next(self._numbers), entry))
            self._changed.notify()

    def close(self, timeout: float) -> None:
        """Send what is waiting, and end; gives up after so many seconds."""
        deadline = system.time.monotonic() + timeout
        with self._changed:
            self._closed = True
            # What failed is tried at once. If it fails again it has its pauses: a refusal may take a millisecond.
            self._waiting.extend((0.0, entry) for _, _, entry in self._later)
            self._later.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(max(0.0, deadline - system.time.monotonic()))

    def _start(self) -> None:
        # Lazily: it may be made before a fork, and threads do not survive one.
        while len(self._threads) < self._limits.concurrency:
            thread = Guarded(self._run, name=f"{self._name}-{len(self._threads)}")
            try:
                thread.start()
            except RuntimeError as error:  # the system has no room for it; the next entry asks again
                if not self._threads:
                    raise Full(str(error)) from error
                return
            self._threads.append(thread)

    def _run(self) -> None:
        while batch := self._next():
            try:
                self._send(batch)
            finally:
                with self._changed:
                    self._under_way -= 1

    def _next(self) -> list[T]:
        """The next batch, as soon as one is due; empty when there will be none."""
        with self._changed:
            while True:
                now = system.time.monotonic()
                while self._later and self._later[0][0] <= now:
                    self._waiting.append((now - self._limits.linger, heapq.heappop(self._later)[2]))
                if self._is_due(now):
                    self._under_way += 1
                    return self._take()
                if self._closed and not self._under_way and not self._later:
                    self._changed.notify_all()
                    return []
                self._changed.wait(self._seconds_until_due(now))

    def _is_due(self, now: float) -> bool:
        if not self._waiting:
            return False
        if self._closed or len(self._waiting) >= MAX_ENTRIES:
            return True
        waited = now - self._waiting[0][0] - self._limits.linger
        return waited >= (STALLED if self._under_way else 0)

    def _seconds_until_due(self, now: float) -> float | None:
        """Seconds until something may change by itself; None for never."""
        times = [self._later[0][0]] if self._later else []
        if self._waiting:
            times.append(self._waiting[0][0] + self._limits.linger + (STALLED if self._under_way else 0))
        if self._closed:
            times.append(now + STALLED)
        return max(0.0, min(times) - now) if times else None

    def _take(self) -> list[T]:
        batch: list[T] = []
        total = 0
        while self._waiting and len(batch) < MAX_ENTRIES:
            total += self._size(self._waiting[0][1])
            if batch and total > MAX_BATCH_BYTES:
                break
            batch.append(self._waiting.popleft()[1])
        if self._waiting:
            self._changed.notify()  # this thread's call may hang, and another has to see to what is left
        return batch
