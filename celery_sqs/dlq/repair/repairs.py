"""Repairs: planned on record first, then run by any process; after a crash they are run again, and go on."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine

from celery_sqs.dlq.attempts import AttemptReader
from celery_sqs.dlq.dead_messages import DeadMessages
from celery_sqs.dlq.hooks import TaskHooks
from celery_sqs.dlq.queue import DeadLetterQueue
from celery_sqs.dlq.repair.journal import Journal
from celery_sqs.dlq.repair.lease import leased
from celery_sqs.dlq.repair.log import RepairLog, RepairProgress
from celery_sqs.dlq.repair.outcomes import Outcomes
from celery_sqs.dlq.repair.plan import Plan, Refused, begin
from celery_sqs.dlq.repair.redrive_pass import RedrivePass
from celery_sqs.dlq.repair.run import Heartbeat, RepairRun
from celery_sqs.dlq.repair.sending import AsCopy, AsNew, Sending
from celery_sqs.dlq.repair.states import DISCARD, DONE, EDIT, REDRIVE, RESCUE
from celery_sqs.dlq.repair.throttle import Throttle
from celery_sqs.dlq.selection import Selection
from celery_sqs.dlq.snapshot import Snapshot

CANARIES: Final = 5  # messages that go first, unless the operator says how many


class Repairs(RepairLog):
    """Plans and runs repairs; and reads the repair log.

    Args:
        engine: to the database with the tables.
        queue: the DLQ.
        snapshot: what is kept of the DLQ.
        attempts: the failed attempts on record.
        hooks: of the tasks that the messages call.
        throttle: how fast.
        paused: says who has paused the queue that messages are sent to; None: nobody has.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(
        self,
        engine: Engine,
        queue: DeadLetterQueue,
        snapshot: Snapshot,
        attempts: AttemptReader,
        hooks: TaskHooks,
        throttle: Throttle | None = None,
        paused: Callable[[], str | None] = lambda: None,
    ) -> None:
        super().__init__(engine, [queue.name])
        self._queue = queue
        self._snapshot = snapshot
        self._attempts = attempts
        self._hooks = hooks
        self._throttle = throttle or Throttle()
        self.paused = paused

    def plan(
        self,
        action: str,
        selection: Selection,
        operator: str,
        reason: str,
        canaries: int = CANARIES,
        new_body: str | None = None,
    ) -> str:
        """Put a repair on record; nothing is done yet. Returns its id.

        Args:
            action: `REDRIVE`, `EDIT`, `DISCARD` or `RESCUE`.
            selection: the messages; exactly one for an edit.
            operator: who says so.
            reason: why.
            canaries: how many messages of a redrive go first; the rest only follows when all of them succeed.
            new_body: what an edit sends.

        Raises:
            Refused: nothing is selected, an edit is not of exactly one message or its new body would not
                be accepted, or there is no reason.
        """
        if not reason.strip():
            raise Refused("a repair needs a reason")
        edited = self._checked_edit(selection, new_body) if action == EDIT else {}
        first = max(0, canaries) if action == REDRIVE else 0
        plan = Plan(
            queue=self._queue.name, action=action, operator=operator, reason=reason, canaries=first, edited=edited
        )
        return begin(self._engine, selection, plan)

    def run(self, repair_id: str, on_progress: Callable[[RepairProgress], None] | None = None) -> RepairProgress:
        """Do what is left of a repair, whoever planned it and however far it is; a message may be sent twice.

        Args:
            repair_id: from `plan`.
            on_progress: called now and then, and at the end.

        Raises:
            AlreadyRunning: another process runs it.
            NoSuchRepair: there is no such repair.
            Refused: it is of another queue.
            CallFailed: SQS cannot be asked. What was done is on record, and the rest can be run later.
        """

        def report() -> None:
            if on_progress:
                on_progress(self.progress(repair_id))

        repair = self.progress(repair_id)
        if repair.queue != self._queue.name:
            raise Refused(f"repair {repair_id} is of the queue {repair.queue}, and not of {self._queue.name}")
        with leased(self._engine, repair_id) as renew:
            if repair.state != DONE or repair.sent:
                self._run(repair, Heartbeat(renew, report))
        ended = self.progress(repair_id)
        if on_progress:
            on_progress(ended)
        return ended

    def _run(self, repair: RepairProgress, heartbeat: Heartbeat) -> None:
        journal = Journal(self._engine, repair.id)
        is_rescue = repair.action == RESCUE
        outcomes = Outcomes(self._engine, repair.id, journal, self._attempts, self._hooks, keeps_identity=is_rescue)
        sending = self._sending(repair.action, journal)
        redrive_pass = RedrivePass(
            self._engine, self._queue, self._snapshot, journal, self._throttle, sending, heartbeat
        )
        RepairRun(repair, self, journal, outcomes, redrive_pass, self._throttle, heartbeat, self.paused).run()

    def _sending(self, action: str, journal: Journal) -> Sending | None:
        """How an action sends messages; None: it discards them."""
        if action == RESCUE:
            max_receives = self._queue.work_facts().max_receive_count or 0
            return AsCopy(self._queue.name, self._attempts, self, max_receives)
        return None if action == DISCARD else AsNew(journal.new_bodies())

    def _checked_edit(self, selection: Selection, new_body: str | None) -> dict[str, str | None]:
        """What an edit changes in the record of its message."""
        messages = DeadMessages(self._engine, [self._queue.name]).selected(selection, None, 2)
        if len(messages) != 1 or new_body is None:
            raise Refused("an edit is of exactly one message that is in the DLQ, and has a new body")
        [message] = messages
        answer = self._hooks.dry_run_edit(message, new_body)
        if not answer.accepted:
            raise Refused(answer.why)
        decoded = self._hooks.decode(message.message_id, new_body, message.attributes)
        return {"new_body": new_body, "subject": self._hooks.subject(decoded), "task": decoded.task}
