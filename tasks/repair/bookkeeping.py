"""Writing the ledger: what is planned is on record before it is begun, and what is begun before it is done."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Update,
    case,
    insert,
    literal,
    select,
    update,
)

from celery_sqs.database.columns import MAX_NAME, MAX_TEXT, storable
from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.tables import dead_letters, repair_items, repairs
from tasks.repair.ledger import CONFIRMED, DISCARD, DISCARDED, EDIT, FAILED, PLANNED, REDRIVE, RUNNING, SENDING, SENT
from tasks.repair.letters import Chosen

#: Messages of one statement.
CHUNK: Final = 500

#: What is said of a message that is not in the DLQ any more, when nobody knows why.
LEFT: Final = "no longer in the DLQ"

_DONE: Final = {REDRIVE: "sent again", EDIT: "edited and sent", DISCARD: "discarded"}


class Refused(ValueError):
    """A repair that is not done; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, and who says so.

    Attributes:
        action: `redrive`, `edit` or `discard`.
        operator: who.
        reason: why, in the operator's words.
        canaries: how many messages go first.
        edited: what an edit changes in its item: `new_body`, and what that says in place of the letter.
    """

    action: str
    operator: str
    reason: str
    canaries: int = 0
    edited: Mapping[str, str | None] = field(default_factory=dict)


def begin(engine: Engine, chosen: Chosen, plan: Plan) -> str:
    """Put a repair of the chosen letters on record; returns its id. Their bodies do not leave the database.

    Raises:
        Refused: there are none.
    """
    now, repair_id = datetime.now(UTC), str(uuid4())
    repair = insert(repairs).values(
        id=repair_id,
        action=plan.action,
        operator=storable(plan.operator[:MAX_NAME]),
        reason=storable(plan.reason[:MAX_TEXT]),
        state=RUNNING,
        note="",
        canaries=plan.canaries,
        began_at=now,
    )
    copied = {name: dead_letters.c[name] for name in ("message_id", "order_id", "task", "task_id", "body")}
    given = {"repair_id": repair_id, "state": PLANNED, "changed_at": now, "error": "", **plan.edited}
    columns = copied | {name: literal(value, repair_items.c[name].type) for name, value in given.items()}
    items = insert(repair_items).from_select(list(columns), select(*columns.values()).where(chosen.condition))

    def write(connection: Connection) -> None:
        connection.execute(repair)
        if not connection.execute(items).rowcount:
            raise Refused("no message that is in the DLQ is chosen")

    transaction(engine, write)
    return repair_id


class Books:
    """The open account of one repair, for the process that runs it.

    Args:
        engine: from `orders.database.connect`.
        repair_id: the repair.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(self, engine: Engine, repair_id: str) -> None:
        self._engine = engine
        self._repair_id = repair_id
        self._is_ours = repair_items.c.repair_id == repair_id

    def open(self) -> None:
        """The repair is being run, for the first time or again."""
        self._update_repair(state=RUNNING, note="", ended_at=None)

    def close(self, state: str, note: str) -> None:
        """The repair has come to an end: done or stopped, and why."""
        self._update_repair(state=state, note=storable(note[:MAX_TEXT]), ended_at=datetime.now(UTC))

    def waiting(self) -> dict[str, str]:
        """The messages that are not dealt with yet, and the state of each: planned or sending."""
        items = repair_items.c
        return self._pairs(
            select(items.message_id, items.state).where(self._is_ours, items.state.in_([PLANNED, SENDING]))
        )

    def new_bodies(self) -> dict[str, str]:
        """By message id, what is to be sent in place of its body."""
        items = repair_items.c
        return self._pairs(select(items.message_id, items.new_body).where(self._is_ours, items.new_body.is_not(None)))

    def undeleted(self) -> set[str]:
        """The messages that were sent, and of which it is not on record that they have left the DLQ."""
        items, letters = repair_items.c, dead_letters.c
        query = select(items.message_id, items.state).join(dead_letters, letters.message_id == items.message_id)
        return set(self._pairs(query.where(self._is_ours, items.sent_at.is_not(None), letters.gone_at.is_(None))))

    def gone(self, message_ids: Collection[str]) -> dict[str, str]:
        """Of these messages those that are known to have left the DLQ: by message id how."""
        letters, items = dead_letters.c, repair_items.c
        told: dict[str, str] = {}
        for chunk in _chunks(message_ids):
            left = select(letters.message_id, literal(LEFT)).where(letters.message_id.in_(chunk))
            told |= self._pairs(left.where(letters.gone_at.is_not(None)))
        for chunk in _chunks(told):
            others = select(items.message_id, repairs.c.id, repairs.c.action, repairs.c.operator)
            others = others.join(repairs, repairs.c.id == items.repair_id)
            others = others.where(items.message_id.in_(chunk), items.state.in_([SENT, CONFIRMED, FAILED, DISCARDED]))
            for row in self._rows(others.where(items.repair_id != self._repair_id)):
                told[row.message_id] = f"{_DONE[row.action]} by {row.operator} (repair {row.id})"
        return told

    def mark(self, message_ids: Collection[str], state: str) -> None:
        """Change the state of items."""
        self._mark(message_ids, lambda chunk: {"state": state})

    def mark_sent(self, new_ids: Mapping[str, str]) -> None:
        """Note what was sent: by message id SQS's id of the new message."""
        now = datetime.now(UTC)
        self._mark(new_ids, lambda chunk: {"state": SENT, "sent_at": now, "new_message_id": _each(new_ids, chunk)})

    def mark_ended(self, state: str, reasons: Mapping[str, str]) -> None:
        """Change the state of items: by message id why."""
        told = {message_id: storable(reason[:MAX_TEXT]) for message_id, reason in reasons.items()}
        self._mark(told, lambda chunk: {"state": state, "error": _each(told, chunk)})

    def _mark(self, message_ids: Collection[str], values: Callable[[list[str]], dict[str, Any]]) -> None:
        for chunk in _chunks(message_ids):
            statement = update(repair_items).where(self._is_ours, repair_items.c.message_id.in_(chunk))
            self._write(statement.values(changed_at=datetime.now(UTC), **values(chunk)))

    def _update_repair(self, **values: Any) -> None:
        self._write(update(repairs).where(repairs.c.id == self._repair_id).values(**values))

    def _write(self, statement: Update) -> None:
        transaction(self._engine, lambda connection: connection.execute(statement))

    def _rows(self, query: Select[Any]) -> Any:
        return transaction(self._engine, lambda connection: connection.execute(query).all())

    def _pairs(self, query: Select[Any]) -> dict[str, str]:
        return dict(self._rows(query))


def _each(values: Mapping[str, str], message_ids: Iterable[str]) -> ColumnElement[str]:
    """A value of its own for each message, in one statement."""
    chosen = {message_id: values[message_id] for message_id in message_ids}
    return case(chosen, value=repair_items.c.message_id)


def _chunks(message_ids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(message_ids)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
