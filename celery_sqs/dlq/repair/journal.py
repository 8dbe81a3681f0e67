"""The journal of a repair: each step is on record before it is done, and its result after that."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Select, Update, case, literal, select, update

from celery_sqs import system
from celery_sqs.database.columns import MAX_TEXT, storable
from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.repair.states import (
    CONFIRMED,
    DISCARD,
    DISCARDED,
    EDIT,
    FAILED,
    PLANNED,
    REDRIVE,
    RESCUE,
    RUNNING,
    SENDING,
    SENT,
)
from celery_sqs.dlq.tables import dead_messages, repair_items, repairs

#: Messages of one statement.
CHUNK: Final = 500

#: The reason of a message that is no longer in the DLQ, where no other is on record.
LEFT: Final = "no longer in the DLQ"

_DONE: Final = {REDRIVE: "sent again", EDIT: "edited and sent", DISCARD: "discarded", RESCUE: "sent again"}


class Journal:
    """The record of one repair, written by the process that runs it.

    Args:
        engine: to the database with the tables.
        repair_id: the repair.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(self, engine: Engine, repair_id: str) -> None:
        self._engine = engine
        self._repair_id = repair_id
        self._is_ours = repair_items.c.repair_id == repair_id

    def open(self) -> None:
        """Note that the repair runs, for the first time or again."""
        self._update_repair(state=RUNNING, note="", ended_at=None)

    def close(self, state: str, note: str) -> None:
        """Note that the run has ended: done or stopped, and why."""
        self._update_repair(state=state, note=storable(note[:MAX_TEXT]), ended_at=system.now(UTC))

    def note(self, text: str) -> None:
        """Note what the run waits for; empty: nothing."""
        self._update_repair(note=storable(text[:MAX_TEXT]))

    def waiting(self) -> dict[str, str]:
        """The messages that are still to be sent or discarded, and the state of each: planned or sending."""
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
        items, messages = repair_items.c, dead_messages.c
        query = select(items.message_id, items.state).join(dead_messages, messages.message_id == items.message_id)
        return set(self._pairs(query.where(self._is_ours, items.sent_at.is_not(None), messages.gone_at.is_(None))))

    def gone(self, message_ids: Collection[str]) -> dict[str, str]:
        """Of these messages those that have left the DLQ as far as is on record: by message id how."""
        messages, items = dead_messages.c, repair_items.c
        reasons: dict[str, str] = {}
        for chunk in _chunks(message_ids):
            left = select(messages.message_id, literal(LEFT)).where(messages.message_id.in_(chunk))
            reasons |= self._pairs(left.where(messages.gone_at.is_not(None)))
        for chunk in _chunks(reasons):
            others = select(items.message_id, repairs.c.id, repairs.c.action, repairs.c.operator)
            others = others.join(repairs, repairs.c.id == items.repair_id)
            others = others.where(items.message_id.in_(chunk), items.state.in_([SENT, CONFIRMED, FAILED, DISCARDED]))
            for row in self._rows(others.where(items.repair_id != self._repair_id)):
                reasons[row.message_id] = f"{_DONE[row.action]} by {row.operator} (repair {row.id})"
        return reasons

    def mark(self, message_ids: Collection[str], state: str) -> None:
        """Change the state of items."""
        self._mark(message_ids, lambda chunk: {"state": state})

    def mark_sent(self, new_ids: Mapping[str, str]) -> None:
        """Note what was sent: by message id SQS's id of the new message."""
        now = system.now(UTC)
        self._mark(new_ids, lambda chunk: {"state": SENT, "sent_at": now, "new_message_id": _each(new_ids, chunk)})

    def mark_ended(self, state: str, reasons: Mapping[str, str]) -> None:
        """Change the state of items: by message id why."""
        errors = {message_id: storable(reason[:MAX_TEXT]) for message_id, reason in reasons.items()}
        self._mark(errors, lambda chunk: {"state": state, "error": _each(errors, chunk)})

    def _mark(self, message_ids: Collection[str], values: Callable[[list[str]], dict[str, Any]]) -> None:
        for chunk in _chunks(message_ids):
            statement = update(repair_items).where(self._is_ours, repair_items.c.message_id.in_(chunk))
            self._write(statement.values(changed_at=system.now(UTC), **values(chunk)))

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
    of_chunk = {message_id: values[message_id] for message_id in message_ids}
    return case(of_chunk, value=repair_items.c.message_id)


def _chunks(message_ids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(message_ids)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
