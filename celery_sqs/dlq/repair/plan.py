"""Putting a repair on record, before any of it is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from uuid import uuid4

from sqlalchemy import Connection, Engine, insert, literal, select

from celery_sqs import system
from celery_sqs.database.columns import MAX_NAME, MAX_TEXT, storable
from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.repair.states import PLANNED, RUNNING
from celery_sqs.dlq.selection import Selection
from celery_sqs.dlq.tables import dead_messages, repair_items, repairs


class Refused(ValueError):
    """A repair that is not done; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, and who says so.

    Attributes:
        queue: the work queue whose dead messages they are, by Celery's name.
        action: `redrive`, `edit`, `discard` or `rescue`.
        operator: who.
        reason: why, in the operator's words.
        canaries: how many messages go first.
        edited: what an edit changes in its item: `new_body`, and the columns that follow from it.
    """

    queue: str
    action: str
    operator: str
    reason: str
    canaries: int = 0
    edited: Mapping[str, str | None] = field(default_factory=dict)


def begin(engine: Engine, selection: Selection, plan: Plan) -> str:
    """Put a repair of dead messages on record; returns its id. Their bodies do not leave the database.

    Raises:
        Refused: nothing is selected.
    """
    now, repair_id = system.now(UTC), str(uuid4())
    repair = insert(repairs).values(
        id=repair_id,
        queue=plan.queue,
        action=plan.action,
        operator=storable(plan.operator[:MAX_NAME]),
        reason=storable(plan.reason[:MAX_TEXT]),
        state=RUNNING,
        note="",
        canaries=plan.canaries,
        began_at=now,
    )
    copied = {name: dead_messages.c[name] for name in ("message_id", "subject", "task", "task_id", "body")}
    given = {"repair_id": repair_id, "state": PLANNED, "changed_at": now, "error": "", **plan.edited}
    columns = copied | {name: literal(value, repair_items.c[name].type) for name, value in given.items()}
    ours = select(*columns.values()).where(selection.condition, dead_messages.c.queue == plan.queue)
    items = insert(repair_items).from_select(list(columns), ours)

    def write(connection: Connection) -> None:
        connection.execute(repair)
        if not connection.execute(items).rowcount:
            raise Refused("no message that is in the DLQ is selected")

    transaction(engine, write)
    return repair_id
