"""Repairs: planned on record first, then run, by whatever process; run again after a crash, they go on."""

from collections.abc import Callable, Container
from typing import Final

from sqlalchemy import Engine

from celery_sqs.dlq.queue import DeadLetterQueue
from orders.store import OrderStore
from tasks.repair.bookkeeping import Plan, Refused, begin
from tasks.repair.lease import AlreadyRunning, leased
from tasks.repair.ledger import DISCARD, DONE, EDIT, REDRIVE, Item, Ledger, NoSuchRepair, Progress
from tasks.repair.letters import Chosen, Letters
from tasks.repair.message import read
from tasks.repair.run import Run
from tasks.repair.sweep import Pace
from tasks.repair.trial import try_edit

__all__ = [
    "CANARIES",
    "DISCARD",
    "EDIT",
    "REDRIVE",
    "AlreadyRunning",
    "Item",
    "NoSuchRepair",
    "Progress",
    "Refused",
    "Repairs",
]

CANARIES: Final = 5  # messages that go first, unless the operator says how many


class Repairs(Ledger):
    """Plans and runs repairs; and reads the ledger.

    Args:
        engine: from `orders.database.connect`.
        queue: the DLQ.
        known_tasks: tells the names of the tasks that workers have.
        pace: how fast.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(
        self,
        engine: Engine,
        queue: DeadLetterQueue,
        known_tasks: Callable[[], Container[str]],
        pace: Pace | None = None,
    ) -> None:
        super().__init__(engine)
        self._queue = queue
        self._known_tasks = known_tasks
        self._pace = pace or Pace()

    def plan(
        self,
        action: str,
        chosen: Chosen,
        operator: str,
        reason: str,
        canaries: int = CANARIES,
        new_body: str | None = None,
    ) -> str:
        """Put a repair on record; nothing is done yet. Returns its id.

        Args:
            action: `REDRIVE`, `EDIT` or `DISCARD`.
            chosen: the letters; exactly one for an edit.
            operator: who says so.
            reason: why; a discard has to have one.
            canaries: how many messages of a redrive go first; the rest only follows when all of them succeed.
            new_body: what an edit sends.

        Raises:
            Refused: nothing is chosen, an edit is not of exactly one letter or its new body would not
                be accepted, or a discard has no reason.
        """
        if action == DISCARD and not reason.strip():
            raise Refused("a discard needs a reason")
        edited = self._checked_edit(chosen, new_body) if action == EDIT else {}
        first = max(0, canaries) if action == REDRIVE else 0
        plan = Plan(action=action, operator=operator, reason=reason, canaries=first, edited=edited)
        return begin(self._engine, chosen, plan)

    def run(self, repair_id: str, on_progress: Callable[[Progress], None] | None = None) -> Progress:
        """Do what is left of a repair, whoever planned it and however far it came; all of it may be done twice.

        Args:
            repair_id: from `plan`.
            on_progress: called now and then, and at the end.

        Raises:
            AlreadyRunning: another process is at it.
            NoSuchRepair: there is no such repair.
            CallFailed: SQS cannot be asked. What was done is on record, and the rest can be run later.
        """
        repair = self.progress(repair_id)
        with leased(self._engine, repair_id) as keep:
            if repair.state != DONE or repair.sent:
                Run(self._engine, self._queue, repair, self._pace, keep, on_progress).do()
        done = self.progress(repair_id)
        if on_progress:
            on_progress(done)
        return done

    def _checked_edit(self, chosen: Chosen, new_body: str | None) -> dict[str, str | None]:
        """What an edit changes in the record of its letter."""
        letters = Letters(self._engine).chosen(chosen, None, 2)
        if len(letters) != 1 or new_body is None:
            raise Refused("an edit is of exactly one message that is in the DLQ, and has a new body")
        [letter] = letters
        trial = try_edit(letter, new_body, OrderStore(self._engine), self._known_tasks())
        if not trial.accepted:
            raise Refused(trial.why)
        call = read(letter.message_id, new_body, letter.attributes)
        order_id = str(call.order_id) if call.order_id else None
        return {"new_body": new_body, "order_id": order_id, "task": call.task}
