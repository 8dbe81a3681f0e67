"""One run of a repair: the canaries first, the rest if they succeed, and then what became of all."""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine

from celery_sqs.dlq.queue import DeadLetterQueue
from tasks.repair.bookkeeping import Books
from tasks.repair.ledger import DISCARD, DONE, FAILED, STOPPED, Ledger, Progress
from tasks.repair.results import Results
from tasks.repair.sweep import Pace, Sweep

TOLD_EVERY: Final = 0.2  # seconds between two calls of `on_progress`, at least

MAX_ERROR: Final = 300  # characters of an example's error in a note


class Run:
    """Does what is left of a repair.

    Args:
        engine: from `orders.database.connect`.
        queue: the DLQ.
        repair: as it is now; it is leased to us.
        pace: how fast.
        keep: keeps the lease; to be called every few seconds.
        on_progress: is told how far it is, now and then.
    """

    def __init__(
        self,
        engine: Engine,
        queue: DeadLetterQueue,
        repair: Progress,
        pace: Pace,
        keep: Callable[[], None],
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._repair = repair
        self._pace = pace
        self._keep = keep
        self._on_progress = on_progress
        self._told_at = 0.0
        self._ledger = Ledger(engine)
        self._books = Books(engine, repair.id)
        self._results = Results(engine, repair.id, self._books)
        self._sweep = Sweep(engine, queue, self._books, pace, repair.action == DISCARD, self._alive)

    def do(self) -> None:
        """Run it to its end, done or stopped.

        Raises:
            CallFailed: SQS cannot be asked.
            AlreadyRunning: another process has taken over.
        """
        self._books.open()
        self._sweep.work_off(self._repair.canaries or None)
        so_far = self._await_results()
        if len(self._sweep):
            trouble = self._trouble(so_far)
            if trouble:
                self._books.close(STOPPED, f"{trouble}; {so_far.waiting} others were not sent")
                return
            self._sweep.work_off()
            so_far = self._await_results()
        left_over = len(self._books.undeleted())
        told = [self._trouble(so_far), f"{left_over} were sent and could not be deleted from the DLQ" * bool(left_over)]
        self._books.close(DONE, "; ".join(filter(None, told)))

    def _await_results(self) -> Progress:
        """How far it is, once of all that was sent is known what became of it, or there is no more news."""
        unconfirmed, deadline = -1, 0.0
        while True:
            self._results.judge()
            so_far = self._ledger.progress(self._repair.id)
            if so_far.sent != unconfirmed:
                unconfirmed, deadline = so_far.sent, time.monotonic() + self._pace.confirm_within
            if not unconfirmed or time.monotonic() > deadline:
                return so_far
            self._alive()
            time.sleep(self._pace.poll)

    def _trouble(self, so_far: Progress) -> str:
        """What this run has not brought to a good end, in words; nothing if all is well."""
        told = []
        failed = so_far.failed - self._repair.failed
        if failed:
            [example] = self._ledger.items(self._repair.id, FAILED, 1)
            told.append(f"{failed} failed again, such as {example.message_id}: {example.error[:MAX_ERROR]}")
        if so_far.sent:
            told.append(f"{so_far.sent} are not confirmed: no news for {self._pace.confirm_within:g} s")
        return "; ".join(told)

    def _alive(self) -> None:
        self._keep()
        if self._on_progress and time.monotonic() - self._told_at > TOLD_EVERY:
            self._told_at = time.monotonic()
            self._on_progress(self._ledger.progress(self._repair.id))
