"""One run of a repair: the canaries first, the rest if they succeed, and then the outcome of all."""

from collections.abc import Callable
from typing import Final

from celery_sqs import system
from celery_sqs.dlq.repair.journal import Journal
from celery_sqs.dlq.repair.log import RepairLog, RepairProgress
from celery_sqs.dlq.repair.outcomes import Outcomes
from celery_sqs.dlq.repair.redrive_pass import RedrivePass
from celery_sqs.dlq.repair.states import DISCARD, DONE, FAILED, STOPPED
from celery_sqs.dlq.repair.throttle import Throttle

PROGRESS_EVERY: Final = 0.2  # seconds between two reports of progress, at least

MAX_ERROR: Final = 300  # characters of an example's error in a note


class Heartbeat:
    """Called every second at least while a repair runs: it renews the lease and reports progress.

    Args:
        renew: renews the lease.
        report: reports how far the repair is; called five times a second, at the most.
    """

    def __init__(self, renew: Callable[[], None], report: Callable[[], None]) -> None:
        self._renew = renew
        self._report = report
        self._reported_at = 0.0

    def __call__(self) -> None:
        """Renew the lease; raises AlreadyRunning where another process has taken over."""
        self._renew()
        if system.time.monotonic() - self._reported_at > PROGRESS_EVERY:
            self._reported_at = system.time.monotonic()
            self._report()


class RepairRun:
    """Does what is left of a repair.

    Args:
        repair: how far it was when the run began; its lease is ours.
        log: the repair log.
        journal: the repair's.
        outcomes: of what the repair sends.
        redrive_pass: sends or discards its messages.
        throttle: how long to wait.
        heartbeat: called every second at least.
        paused: says who has paused the queue that messages are sent to; None: nobody has.
    """

    def __init__(
        self,
        repair: RepairProgress,
        log: RepairLog,
        journal: Journal,
        outcomes: Outcomes,
        redrive_pass: RedrivePass,
        throttle: Throttle,
        heartbeat: Callable[[], None],
        paused: Callable[[], str | None],
    ) -> None:
        self._repair = repair
        self._log = log
        self._journal = journal
        self._outcomes = outcomes
        self._pass = redrive_pass
        self._throttle = throttle
        self._heartbeat = heartbeat
        self._paused = paused
        self._waits_for: str | None = None

    def run(self) -> None:
        """Run to the end, done or stopped.

        Raises:
            CallFailed: SQS cannot be asked.
            AlreadyRunning: another process has taken over.
        """
        self._journal.open()
        self._await_resume()
        self._pass.run(self._repair.canaries or None)
        progress = self._await_outcomes()
        if len(self._pass):
            problems = self._problems(progress)
            if problems:
                self._journal.close(STOPPED, f"{problems}; {progress.waiting} others were not sent")
                return
            self._await_resume()
            self._pass.run()
            progress = self._await_outcomes()
        left_over = len(self._journal.undeleted())
        notes = [self._problems(progress), f"{left_over} were sent and could not be deleted from the DLQ"]
        self._journal.close(DONE, "; ".join(filter(None, notes if left_over else notes[:1])))

    def _await_resume(self) -> None:
        """While the queue is paused, leave messages in the DLQ; to discard some needs no worker."""
        while self._repair.action != DISCARD and self._is_paused():
            self._heartbeat()
            system.time.sleep(self._throttle.poll)

    def _is_paused(self) -> bool:
        """Whether the queue is paused; if so, that is what the repair's note says."""
        who = self._paused()
        if who != self._waits_for:
            self._waits_for = who
            self._journal.note(f"waits for the queue, which is {who}" if who else "")
        return who is not None

    def _await_outcomes(self) -> RepairProgress:
        """How far the repair is, once the outcome of all that was sent is known, or nothing changes any more."""
        unconfirmed, deadline = -1, 0.0
        while True:
            self._outcomes.check()
            progress = self._log.progress(self._repair.id)
            if progress.sent != unconfirmed or (progress.sent and self._is_paused()):
                unconfirmed, deadline = progress.sent, system.time.monotonic() + self._throttle.confirm_within
            if not unconfirmed or system.time.monotonic() > deadline:
                return progress
            self._heartbeat()
            system.time.sleep(self._throttle.poll)

    def _problems(self, progress: RepairProgress) -> str:
        """What has failed in this run or is not confirmed, in words; empty if nothing is."""
        problems = []
        failed = progress.failed - self._repair.failed
        if failed:
            [example] = self._log.items(self._repair.id, FAILED, 1)
            # What was sent is a new message, and that is the one in the DLQ now.
            name = example.new_message_id or example.message_id
            problems.append(f"{failed} failed again, such as {name}: {example.error[:MAX_ERROR]}")
        if progress.sent:
            problems.append(f"{progress.sent} are not confirmed: no news for {self._throttle.confirm_within:g} s")
        return "; ".join(problems)
