"""The mirror of the DLQ: SQS can neither list messages nor find one, so what is in there is kept in a table.

`tasks.repair.census` fills it. What it says was so at the last look into the queue (`looked_at`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, Text, func, select, true

from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.tables import dead_letters, looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead message.

    Attributes:
        message_id: SQS's own id.
        body: as SQS gave it.
        attributes: its message attributes as SQS gave them; binary values in base64.
        task: the task's name; empty where it names none.
        task_id: its task id; the message id where it names none.
        order_id: the order that it names, if it does.
        fingerprint: the same for the same reason.
        kind: whose fault it was (`celery_sqs.tasks.decision.Kind`); `lost` where no failed attempt is on record.
        error_class: of the last failed attempt; empty where none is on record.
        error: what that attempt raised.
        sent_at: when it was sent; aware, UTC, as all times here.
        died_at: when its last attempt failed; None where none is on record.
        seen_at: the last look that found it.
        missed_at: the first look since then that did not; somebody may be hiding it.
        gone_at: when it was taken to be gone; None while it is in the queue.
    """

    message_id: str
    body: str
    attributes: dict[str, Any]
    task: str
    task_id: str
    order_id: str | None
    fingerprint: str
    kind: str
    error_class: str
    error: str
    sent_at: datetime
    died_at: datetime | None
    seen_at: datetime
    missed_at: datetime | None
    gone_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Dead letters with the same reason; `error` is that of one of them, `oldest` and `newest` when they were sent."""

    fingerprint: str
    kind: str
    error_class: str
    error: str
    task: str
    count: int
    oldest: datetime
    newest: datetime


class Chosen:
    """Which dead letters to work on, of those in the queue: `Chosen.ids(...)`, `Chosen.group(...)`, `Chosen.all()`."""

    def __init__(self, condition: ColumnElement[bool]) -> None:
        self.condition = condition & dead_letters.c.gone_at.is_(None)

    @classmethod
    def ids(cls, message_ids: Sequence[str]) -> "Chosen":
        """Those with these message ids."""
        return cls(dead_letters.c.message_id.in_(message_ids))

    @classmethod
    def group(cls, fingerprint: str) -> "Chosen":
        """Those of one group."""
        return cls(dead_letters.c.fingerprint == fingerprint)

    @classmethod
    def all(cls) -> "Chosen":
        """Every one."""
        return cls(true())


class Letters:
    """What is known of the DLQ.

    Args:
        engine: from `orders.database.connect`.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def groups(self) -> list[Group]:
        """The letters in the queue by reason, the largest group first."""
        columns = dead_letters.c
        query = (
            select(
                columns.fingerprint,
                *(func.min(column).label(column.name) for column in (columns.kind, columns.error_class, columns.task)),
                func.min(columns.error, type_=Text).label("error"),
                func.count().label("count"),
                func.min(columns.sent_at).label("oldest"),
                func.max(columns.sent_at).label("newest"),
            )
            .where(columns.gone_at.is_(None))
            .group_by(columns.fingerprint)
            .order_by(func.count().desc(), columns.fingerprint)
        )
        return [Group(**row._mapping) for row in self._rows(query)]

    def page(self, fingerprint: str | None, behind: str | None, limit: int) -> list[Letter]:
        """Up to `limit` letters in the queue by message id, of a group or all, starting just behind a message id."""
        return self.chosen(Chosen.all() if fingerprint is None else Chosen.group(fingerprint), behind, limit)

    def chosen(self, chosen: Chosen, behind: str | None, limit: int) -> list[Letter]:
        """Up to `limit` of the chosen letters by message id, starting just behind one."""
        query = select(dead_letters).where(chosen.condition)
        if behind is not None:
            query = query.where(dead_letters.c.message_id > behind)
        return self._letters(query.order_by(dead_letters.c.message_id).limit(limit))

    def get(self, message_id: str) -> Letter | None:
        """A letter, whether it is still in the queue or not."""
        found = self._letters(select(dead_letters).where(dead_letters.c.message_id == message_id))
        return found[0] if found else None

    def of_order(self, order_id: str) -> list[Letter]:
        """All letters that name an order, gone ones included, oldest first."""
        return self._letters(select(dead_letters).where(dead_letters.c.order_id == order_id).order_by("sent_at"))

    def of_task(self, task_id: str) -> list[Letter]:
        """All letters of a task id, gone ones included, oldest first."""
        return self._letters(select(dead_letters).where(dead_letters.c.task_id == task_id).order_by("sent_at"))

    def count(self, chosen: Chosen | None = None) -> int:
        """How many letters are in the queue, or how many of them are chosen."""
        query = select(func.count()).select_from(dead_letters).where((chosen or Chosen.all()).condition)
        return int(self._rows(query)[0][0])

    def looked_at(self) -> datetime | None:
        """When the last full look into the queue ended; None if there has been none."""
        rows = self._rows(select(func.max(looks.c.ended_at)))
        found: datetime | None = rows[0][0]
        return found

    def _letters(self, query: Select[Any]) -> list[Letter]:
        return [_to_letter(row) for row in self._rows(query)]

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return transaction(self._engine, lambda connection: connection.execute(query).all())


def _to_letter(row: Row[Any]) -> Letter:
    return Letter(**{**row._mapping, "attributes": json.loads(row.attributes)})
