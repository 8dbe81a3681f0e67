"""What is known of the DLQ: SQS can neither list messages nor find one, so scans keep what they find in a table.

`celery_sqs.dlq.snapshot` writes it. What it says was so at the last scan (`scanned_at`).
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, Select, Text, case, func, select, true

from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.repair.states import CONFIRMED, DISCARDED, FAILED, GONE, PLANNED, SENDING, SENT
from celery_sqs.dlq.selection import Selection
from celery_sqs.dlq.tables import dead_messages, repair_items, scans


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadMessage:
    """A message in the DLQ, or one that was there.

    Attributes:
        message_id: SQS's own id.
        queue: the work queue that it comes from, by Celery's name.
        body: as SQS gave it.
        attributes: its message attributes as SQS gave them; binary values in base64.
        task: the task's name; empty where it names none.
        task_id: its task id; the message id where it names none.
        subject: what its call is about (`SQSTask.subject`), if that is known.
        fingerprint: the same for the same reason.
        kind: whose fault it was (`celery_sqs.tasks.decision.Kind`); `lost` where no failed attempt is on record.
        error_class: of the last failed attempt; empty where none is on record.
        error: what that attempt raised.
        sent_at: when it was sent; aware, UTC, as all times here.
        died_at: when its last attempt failed; None where none is on record.
        seen_at: the last scan that found it.
        missed_at: the first scan since then that did not; another process may be hiding it.
        gone_at: when it was taken to be gone; None while it is in the queue.
    """

    message_id: str
    queue: str
    body: str
    attributes: dict[str, Any]
    task: str
    task_id: str
    subject: str | None
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
    """Dead messages of a queue with the same reason.

    Attributes:
        queue: the work queue that they come from, by Celery's name.
        fingerprint: names it, within its queue.
        kind: whose fault it was.
        error_class: the exception's class; empty where no failed attempt is on record.
        error: what one of them raised.
        task: the task's name.
        count: how many messages of it are in the queue.
        oldest: when the first of them was sent; aware, UTC.
        newest: when the last of them was.
    """

    queue: str
    fingerprint: str
    kind: str
    error_class: str
    error: str
    task: str
    count: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectEnd:
    """What has become of the dead messages about a subject. All instants are aware, UTC.

    Attributes:
        is_dead: whether one of them is in the DLQ, or was until the DLQ deleted it for its age.
        left_at: when one last left it to be tried again; None if none has.
        discarded_at: when an operator discarded one; None if nobody has.
    """

    is_dead: bool = False
    left_at: datetime | None = None
    discarded_at: datetime | None = None

    def __or__(self, other: "SubjectEnd") -> "SubjectEnd":
        return SubjectEnd(
            is_dead=self.is_dead or other.is_dead,
            left_at=max((at for at in (self.left_at, other.left_at) if at), default=None),
            discarded_at=max((at for at in (self.discarded_at, other.discarded_at) if at), default=None),
        )


class DeadMessages:
    """Reads the tables `dead_messages` and `scans`.

    Args:
        engine: to the database with the tables.
        queues: Celery's names of the work queues whose messages are read; None: of all. One message is found by its id,
            its subject or its task whatever its queue is.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(self, engine: Engine, queues: Collection[str] | None = None) -> None:
        self._engine = engine
        self._queues = queues
        self._are_ours = true() if queues is None else dead_messages.c.queue.in_(queues)

    def groups(self) -> list[Group]:
        """The messages in the DLQs by queue and reason, the largest group first."""
        columns = dead_messages.c
        query = (
            select(
                columns.queue,
                columns.fingerprint,
                *(func.min(column).label(column.name) for column in (columns.kind, columns.error_class, columns.task)),
                func.min(columns.error, type_=Text).label("error"),
                func.count().label("count"),
                func.min(columns.sent_at).label("oldest"),
                func.max(columns.sent_at).label("newest"),
            )
            .where(columns.gone_at.is_(None), self._are_ours)
            .group_by(columns.queue, columns.fingerprint)
            .order_by(func.count().desc(), columns.fingerprint, columns.queue)
        )
        return [Group(**row._mapping) for row in self._rows(query)]

    def page(self, fingerprint: str | None, after: str | None, limit: int) -> list[DeadMessage]:
        """Up to `limit` messages in the queue by message id, of a group or all, starting after a message id."""
        return self.selected(Selection.all() if fingerprint is None else Selection.group(fingerprint), after, limit)

    def selected(self, selection: Selection, after: str | None, limit: int) -> list[DeadMessage]:
        """Up to `limit` messages of a selection by message id, starting after one."""
        query = select(dead_messages).where(selection.condition, self._are_ours)
        if after is not None:
            query = query.where(dead_messages.c.message_id > after)
        return self._messages(query.order_by(dead_messages.c.message_id).limit(limit))

    def get(self, message_id: str) -> DeadMessage | None:
        """A message, whether it is still in the queue or not."""
        found = self._messages(select(dead_messages).where(dead_messages.c.message_id == message_id))
        return found[0] if found else None

    def of_subject(self, subject: str) -> list[DeadMessage]:
        """All messages about a subject, gone ones included, oldest first."""
        return self._messages(select(dead_messages).where(dead_messages.c.subject == subject).order_by("sent_at"))

    def of_task(self, task_id: str) -> list[DeadMessage]:
        """All messages of a task id, gone ones included, oldest first."""
        return self._messages(select(dead_messages).where(dead_messages.c.task_id == task_id).order_by("sent_at"))

    def taken(self, message_ids: Collection[str], retention: timedelta) -> dict[str, datetime]:
        """Of these messages those that others have taken from the queue, as SQS's console moves them; when seen last.

        Args:
            message_ids: SQS's own ids.
            retention: how long the queue keeps a message.
        """
        columns, items = dead_messages.c, repair_items.c
        repaired = select(items.message_id).where(
            items.message_id.in_(message_ids), items.state.not_in((PLANNED, GONE)) | items.sent_at.is_not(None)
        )
        query = select(columns.message_id, columns.sent_at, columns.seen_at, columns.gone_at)
        query = query.where(columns.message_id.in_(message_ids), columns.gone_at.is_not(None))
        rows = self._rows(query.where(columns.message_id.not_in(repaired)))
        return {row.message_id: row.seen_at for row in rows if row.gone_at < row.sent_at + retention}

    def subject_ends(self, subjects: Collection[str], retention: timedelta) -> dict[str, SubjectEnd]:
        """What has become of the dead messages about these subjects, where there were any; up to 900 at once.

        Args:
            subjects: as tasks' `subject()` returns them.
            retention: how long the DLQ keeps a message.
        """
        columns, items = dead_messages.c, repair_items.c
        sent = case(
            (items.state.in_((SENDING, SENT, CONFIRMED, FAILED)), func.coalesce(items.sent_at, items.changed_at))
        )
        query = select(items.subject, items.message_id, sent, case((items.state == DISCARDED, items.changed_at)))
        ends = {subject: SubjectEnd() for subject in subjects}
        repaired = set()
        for subject, message_id, sent_at, discarded_at in map(
            tuple, self._rows(query.where(items.subject.in_(subjects)))
        ):
            if sent_at or discarded_at:
                repaired.add(message_id)
                ends[subject] |= SubjectEnd(left_at=sent_at, discarded_at=discarded_at)
        query = select(columns.subject, columns.message_id, columns.sent_at, columns.gone_at)
        for row in self._rows(query.where(columns.subject.in_(subjects))):
            if row.gone_at is None or (row.message_id not in repaired and row.gone_at >= row.sent_at + retention):
                ends[row.subject] |= SubjectEnd(is_dead=True)
            elif row.message_id not in repaired:  # others have taken it, as SQS's console moves it
                ends[row.subject] |= SubjectEnd(left_at=row.gone_at)
        return {subject: end for subject, end in ends.items() if end != SubjectEnd()}

    def began_at(self) -> datetime | None:
        """When the last full scan of the DLQ began, of several the earliest; None if there has been none."""
        query = select(scans.c.queue, scans.c.began_at).where(scans.c.began_at.is_not(None))
        query = query if self._queues is None else query.where(scans.c.queue.in_(self._queues))
        found: dict[str, datetime] = {row.queue: row.began_at for row in self._rows(query)}
        is_complete = self._queues is None or found.keys() >= set(self._queues)
        return min(found.values()) if found and is_complete else None

    def count(self, selection: Selection | None = None) -> int:
        """How many messages are in the DLQs, or how many of a selection."""
        query = select(func.count()).select_from(dead_messages)
        query = query.where((selection or Selection.all()).condition, self._are_ours)
        return int(self._rows(query)[0][0])

    def counts(self) -> dict[str, int]:
        """How many messages are in each DLQ, by Celery's name of its work queue; without those that have none."""
        columns = dead_messages.c
        query = select(columns.queue, func.count()).where(columns.gone_at.is_(None), self._are_ours)
        return dict(self._rows(query.group_by(columns.queue)))  # type: ignore[arg-type]  # a row is a pair

    def scanned_at(self) -> datetime | None:
        """When the last full scan of the DLQ ended, of several the earliest; None if there has been none."""
        found = self.scans()
        is_complete = self._queues is None or found.keys() >= set(self._queues)
        return min(found.values()) if found and is_complete else None

    def scans(self) -> dict[str, datetime]:
        """When the last full scan of each DLQ ended, by Celery's name of its work queue."""
        query = select(scans.c.queue, scans.c.ended_at).where(scans.c.ended_at.is_not(None))
        query = query if self._queues is None else query.where(scans.c.queue.in_(self._queues))
        return dict(self._rows(query))  # type: ignore[arg-type]  # a row is a pair

    def _messages(self, query: Select[Any]) -> list[DeadMessage]:
        return [_to_message(row) for row in self._rows(query)]

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return transaction(self._engine, lambda connection: connection.execute(query).all())


def _to_message(row: Row[Any]) -> DeadMessage:
    return DeadMessage(**{**row._mapping, "attributes": json.loads(row.attributes)})
