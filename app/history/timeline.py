"""The time line of an order or task: from the accepted request to the row or the DLQ, and from the DLQ back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.history.order_history import OrderHistory
from celery_sqs.dlq import DISCARD, DISCARDED, EDIT, FAILED, REDRIVE, RESCUE, RepairItem, RepairProgress
from celery_sqs.monitor import SUCCESS, TaskRow
from orders.attempt import BEGUN, FailedAttempt

_REPAIRED: Final = {REDRIVE: "redriven", EDIT: "edited", DISCARD: "discarded", RESCUE: "rescued"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened.

    Attributes:
        at: when; aware, UTC.
        what: `accepted`, `sent`, `received`, `started`, `begun`, `failed`, `persisted`, `succeeded`, `dead`,
            `redriven`, `edited`, `discarded` or `rescued`.
        detail: name -> value, of types that JSON has.
    """

    at: datetime
    what: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLine:
    """What is known of an order or task.

    Attributes:
        order_id: the order; None for a task that is about none.
        task_ids: the tasks that were about it, or the task.
        state: of an order `queued`, `retrying`, `persisted` or `dead`; of any other task Celery's state.
        entries: oldest first.
        payload: the message as JSON text, where it is on record.
        traceback: of the last failed attempt; None where there is none.
    """

    order_id: str | None
    task_ids: list[str]
    state: str
    entries: list[Entry]
    payload: str | None
    traceback: str | None


def timeline_of(history: OrderHistory) -> TimeLine:
    """The time line of what is on record of an order or task."""
    return TimeLine(
        order_id=None if history.order_id is None else str(history.order_id),
        task_ids=history.task_ids,
        state=history.state,
        entries=sorted(_entries(history), key=lambda entry: entry.at),
        payload=history.payload,
        traceback=history.traceback,
    )


def _entries(history: OrderHistory) -> Iterator[Entry]:
    """Everything that happened; of one instant in the order in which such things happen."""
    order = history.order
    if order:
        yield Entry(at=order.timestamp, what="accepted", detail={"user_id": order.user_id})
    for task in history.tasks:
        yield from _of_task(task)
    for attempt in history.attempts:
        yield _attempt(attempt)
    yield from _deaths(history)
    for repair, item in history.repairs:
        yield from _of_repair(repair, item)
    if history.stored:
        row = history.stored
        detail = {"worker": row.worker, "attempts": row.attempts, "task_id": row.task_id}
        yield Entry(at=row.persisted_at, what="persisted", detail=detail)


def _of_task(task: TaskRow) -> Iterator[Entry]:
    if task.sent_at:
        detail = {"task": task.name, "task_id": task.task_id, "message_id": task.message_id}
        yield Entry(at=task.sent_at, what="sent", detail=detail)
    at_worker = {"worker": task.worker, "receive_count": task.receive_count}
    if task.received_at:
        yield Entry(at=task.received_at, what="received", detail=at_worker)
    if task.started_at:
        yield Entry(at=task.started_at, what="started", detail=at_worker)
    if task.state == SUCCESS and task.finished_at:
        yield Entry(at=task.finished_at, what="succeeded", detail=at_worker)


def _attempt(attempt: FailedAttempt) -> Entry:
    at_worker = {"worker": attempt.worker, "receive_count": attempt.receive_count, "message_id": attempt.message_id}
    if attempt.kind == BEGUN:  # what is on record of its outcome holds only if there is none
        return Entry(at=attempt.failed_at, what="begun", detail=at_worker | {"kind": attempt.kind})
    detail = {
        "worker": attempt.worker,
        "receive_count": attempt.receive_count,
        "kind": attempt.kind,
        "error": f"{attempt.error_class}: {attempt.message}",
        "message_id": attempt.message_id,
        "final": attempt.final,
        "next_visible_at": None if attempt.final else attempt.next_visible_at.isoformat(),
    }
    return Entry(at=attempt.failed_at, what="failed", detail=detail)


def _deaths(history: OrderHistory) -> Iterator[Entry]:
    """When each message came into the DLQ: after its final attempt, or, where none is on record, when it was seen."""
    died_at = {message.message_id: message.died_at or message.seen_at for message in history.messages}
    died_at |= {attempt.message_id: attempt.next_visible_at for attempt in history.attempts if attempt.final}
    messages = {message.message_id: message for message in history.messages}
    for message_id, at in died_at.items():
        message = messages.get(message_id)
        detail: dict[str, Any] = {"message_id": message_id}
        if message:
            detail |= {"kind": message.kind, "error": message.error, "fingerprint": message.fingerprint}
            detail["in_dlq"] = message.gone_at is None
        yield Entry(at=at, what="dead", detail=detail)


def _of_repair(repair: RepairProgress, item: RepairItem) -> Iterator[Entry]:
    if item.sent_at is None and item.state not in {DISCARDED, FAILED}:
        return  # nothing was done to the message
    detail = {
        "operator": repair.operator,
        "reason": repair.reason,
        "repair_id": repair.id,
        "state": item.state,
        "message_id": item.message_id,
        "new_message_id": item.new_message_id,
        "error": item.error,
    }
    if item.new_body is not None:
        detail |= {"body": item.body, "new_body": item.new_body}
    yield Entry(at=item.sent_at or item.changed_at, what=_REPAIRED[repair.action], detail=detail)
