"""The repair log: every repair and what it did to each message. `purge_repairs` deletes what is old."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, func, or_, select, true

from celery_sqs import system
from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.repair.states import (
    CONFIRMED,
    DISCARDED,
    FAILED,
    GONE,
    PLANNED,
    RESCUE,
    RUNNING,
    SENDING,
    SENT,
)
from celery_sqs.dlq.tables import repair_items, repairs


class NoSuchRepair(LookupError):
    """There is no repair with this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairProgress:
    """A repair and how far it is.

    Attributes:
        id: names it.
        queue: the work queue whose dead messages it is about, by Celery's name.
        action: `redrive`, `edit`, `discard` or `rescue`.
        operator: who.
        reason: why, in the operator's words.
        state: `running`, `done` or `stopped`; one that is running and has no runner was interrupted.
        note: why it was stopped, or what is left open.
        canaries: how many go first.
        began_at: aware, UTC, as all times here.
        ended_at: None while it runs.
        total: messages in all, which are:
        waiting: planned, or being sent or deleted at this moment.
        sent: sent, and not confirmed yet.
        confirmed: done: the effect of the call is there, or its task has succeeded.
        failed: sent and failed again, or refused by SQS.
        gone: no longer in the DLQ when they were to be sent or discarded; of a rescue, or left to an operator's repair.
        discarded: deleted from the DLQ, and kept in the repair log only.
        runner_alive: whether a process runs it at this moment.
    """

    id: str
    queue: str
    action: str
    operator: str
    reason: str
    state: str
    note: str
    canaries: int
    began_at: datetime
    ended_at: datetime | None
    total: int
    waiting: int
    sent: int
    confirmed: int
    failed: int
    gone: int
    discarded: int
    runner_alive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairItem:
    """What a repair did to one message.

    Attributes:
        repair_id: the repair.
        message_id: the message in the DLQ.
        state: `planned`, `sending`, `sent`, `confirmed`, `failed`, `gone` or `discarded`.
        subject: what its call is about, if that is known.
        task: its task's name.
        task_id: its task id.
        body: as it was in the DLQ.
        new_body: as it was sent, where that differs.
        new_message_id: SQS's id of what was sent.
        sent_at: when SQS confirmed that; aware, UTC.
        changed_at: when its state changed last.
        error: why it failed again, or is gone.
    """

    repair_id: str
    message_id: str
    state: str
    subject: str | None
    task: str
    task_id: str
    body: str
    new_body: str | None
    new_message_id: str | None
    sent_at: datetime | None
    changed_at: datetime
    error: str


class RepairLog:
    """Reads the tables `repairs` and `repair_items`; `celery_sqs.dlq.repair.journal` writes them.

    Args:
        engine: to the database with the tables.
        queues: Celery's names of the work queues whose repairs are listed; None: all. A repair, and what was done to a
            message, is found whatever its queue is.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(self, engine: Engine, queues: Collection[str] | None = None) -> None:
        self._engine = engine
        self._are_ours = true() if queues is None else repairs.c.queue.in_(queues)

    def progress(self, repair_id: str) -> RepairProgress:
        """How far a repair is; raises NoSuchRepair if there is none with this id."""
        found = self._progress(select(repairs).where(repairs.c.id == repair_id))
        if not found:
            raise NoSuchRepair(f"there is no repair {repair_id}")
        return found[0]

    def latest(self, limit: int) -> list[RepairProgress]:
        """The last repairs, newest first."""
        query = select(repairs).where(self._are_ours)
        return self._progress(query.order_by(repairs.c.began_at.desc(), repairs.c.id).limit(limit))

    def items(self, repair_id: str, state: str | None = None, limit: int = 100) -> list[RepairItem]:
        """Up to `limit` of a repair's items, of one state or all, by message id."""
        query = select(repair_items).where(repair_items.c.repair_id == repair_id)
        if state is not None:
            query = query.where(repair_items.c.state == state)
        return [_to_item(row) for row in self._rows(query.order_by(repair_items.c.message_id).limit(limit))]

    def of_subject(self, subject: str) -> list[tuple[RepairProgress, RepairItem]]:
        """What was done to the messages about a subject, oldest first."""
        return self._with_repairs(select(repair_items).where(repair_items.c.subject == subject))

    def of_task(self, task_id: str) -> list[tuple[RepairProgress, RepairItem]]:
        """What was done to the messages of a task id, oldest first."""
        return self._with_repairs(select(repair_items).where(repair_items.c.task_id == task_id))

    def sent_again(self, message_ids: Collection[str]) -> set[str]:
        """Of these dead messages those that an operator has sent again, as new ones: SQS has confirmed it."""
        rescues = select(repairs.c.id).where(repairs.c.action == RESCUE)
        return self._sent(message_ids, repair_items.c.repair_id.not_in(rescues))

    def sent(self, message_ids: Collection[str]) -> set[str]:
        """Of these dead messages those that have been sent again, by an operator or by themselves."""
        return self._sent(message_ids, true())

    def left_to_operators(self, message_ids: Collection[str]) -> dict[str, str]:
        """Of these dead messages those in an operator's repair that has not ended, run or not: by message id which."""
        items = repair_items.c
        query = select(items.message_id, repairs.c.id, repairs.c.action, repairs.c.operator)
        query = query.join(repairs, repairs.c.id == items.repair_id).where(items.message_id.in_(message_ids))
        rows = self._rows(query.where(repairs.c.action != RESCUE, repairs.c.state == RUNNING))
        return {row.message_id: f"left to the {row.action} by {row.operator} (repair {row.id})" for row in rows}

    def interrupted(self, action: str) -> list[str]:
        """The ids of the repairs whose process has ended before they were done, newest first."""
        columns = repairs.c
        is_alone = or_(columns.runner.is_(None), columns.runner_until < system.now(UTC))
        query = select(columns.id).where(columns.action == action, columns.state == RUNNING, is_alone, self._are_ours)
        return [row.id for row in self._rows(query.order_by(columns.began_at.desc()))]

    def _sent(self, message_ids: Collection[str], condition: ColumnElement[bool]) -> set[str]:
        items = repair_items.c
        query = select(items.message_id).where(items.message_id.in_(message_ids), items.sent_at.is_not(None), condition)
        return {row.message_id for row in self._rows(query)}

    def _with_repairs(self, query: Select[Any]) -> list[tuple[RepairProgress, RepairItem]]:
        items = [_to_item(row) for row in self._rows(query)]
        repair_ids = {item.repair_id for item in items}
        found = self._progress(select(repairs).where(repairs.c.id.in_(repair_ids))) if items else []
        by_id = {repair.id: repair for repair in found}
        return sorted(((by_id[item.repair_id], item) for item in items), key=lambda pair: pair[0].began_at)

    def _progress(self, query: Select[Any]) -> list[RepairProgress]:
        found, items = self._rows(query), repair_items.c
        counted = (
            select(items.repair_id, items.state, func.count().label("number"))
            .where(items.repair_id.in_([row.id for row in found]))
            .group_by(items.repair_id, items.state)
        )
        counts: dict[str, dict[str, int]] = {row.id: {} for row in found}
        for row in self._rows(counted):
            counts[row.repair_id][row.state] = row.number
        now = system.now(UTC)
        return [_to_progress(row, counts[row.id], now) for row in found]

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return transaction(self._engine, lambda connection: connection.execute(query).all())


def _to_progress(row: Row[Any], counts: dict[str, int], now: datetime) -> RepairProgress:
    fields = dict(row._mapping)
    runner, until = fields.pop("runner"), fields.pop("runner_until")
    return RepairProgress(
        **fields,
        total=sum(counts.values()),
        waiting=counts.get(PLANNED, 0) + counts.get(SENDING, 0),
        sent=counts.get(SENT, 0),
        confirmed=counts.get(CONFIRMED, 0),
        failed=counts.get(FAILED, 0),
        gone=counts.get(GONE, 0),
        discarded=counts.get(DISCARDED, 0),
        runner_alive=runner is not None and until > now,
    )


def _to_item(row: Row[Any]) -> RepairItem:
    return RepairItem(**row._mapping)
