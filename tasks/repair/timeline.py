"""The time line of an order or task: from the accepted request to the row or the DLQ, and back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine

from celery_sqs.monitor import SUCCESS, TaskRow
from orders.attempt import FailedAttempt
from tasks.repair.evidence import Evidence, gather
from tasks.repair.ledger import DISCARD, DISCARDED, EDIT, FAILED, REDRIVE, Item, Progress

_REPAIRED: Final = {REDRIVE: "redriven", EDIT: "edited", DISCARD: "discarded"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened.

    Attributes:
        at: when; aware, UTC.
        what: `accepted`, `sent`, `received`, `started`, `failed`, `persisted`, `succeeded`, `dead`, `redriven`,
            `edited` or `discarded`.
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
        payload: the message as JSON text, where anybody has kept it.
        traceback: of the last failed attempt; None where there is none.
    """

    order_id: str | None
    task_ids: list[str]
    state: str
    entries: list[Entry]
    payload: str | None
    traceback: str | None


def timeline(engine: Engine, named: str) -> TimeLine | None:
    """What is known of an order or task.

    Args:
        engine: from `orders.database.connect`.
        named: an order's id, or a task's, which leads to its order if it is about one.

    Returns:
        None if nothing is on record.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    evidence = gather(engine, named)
    if evidence is None:
        return None
    return TimeLine(
        order_id=None if evidence.order_id is None else str(evidence.order_id),
        task_ids=evidence.task_ids,
        state=evidence.state,
        entries=sorted(_entries(evidence), key=lambda entry: entry.at),
        payload=evidence.payload,
        traceback=evidence.traceback,
    )


def _entries(evidence: Evidence) -> Iterator[Entry]:
    """Everything that happened; of one instant in the order in which such things happen."""
    if evidence.order:
        yield Entry(at=evidence.order.timestamp, what="accepted", detail={"user_id": evidence.order.user_id})
    for task in evidence.tasks:
        yield from _of_task(task)
    for attempt in evidence.attempts:
        yield _failed(attempt)
    yield from _deaths(evidence)
    for repair, item in evidence.repairs:
        yield from _of_repair(repair, item)
    if evidence.stored:
        row = evidence.stored
        told = {"worker": row.worker, "receive_count": row.attempts, "task_id": row.task_id}
        yield Entry(at=row.persisted_at, what="persisted", detail=told)


def _of_task(task: TaskRow) -> Iterator[Entry]:
    if task.sent_at:
        told = {"task": task.name, "task_id": task.task_id, "message_id": task.message_id}
        yield Entry(at=task.sent_at, what="sent", detail=told)
    at_worker = {"worker": task.worker, "receive_count": task.receive_count}
    if task.received_at:
        yield Entry(at=task.received_at, what="received", detail=at_worker)
    if task.started_at:
        yield Entry(at=task.started_at, what="started", detail=at_worker)
    if task.state == SUCCESS and task.finished_at:
        yield Entry(at=task.finished_at, what="succeeded", detail=at_worker)


def _failed(attempt: FailedAttempt) -> Entry:
    told = {
        "worker": attempt.worker,
        "receive_count": attempt.receive_count,
        "kind": attempt.kind,
        "error": f"{attempt.error_class}: {attempt.message}",
        "message_id": attempt.message_id,
        "final": attempt.final,
        "next_visible_at": None if attempt.final else attempt.next_visible_at.isoformat(),
    }
    return Entry(at=attempt.failed_at, what="failed", detail=told)


def _deaths(evidence: Evidence) -> Iterator[Entry]:
    """When each message came into the DLQ: after its final attempt, or, where none is on record, when it was seen."""
    died_at = {letter.message_id: letter.died_at or letter.seen_at for letter in evidence.letters}
    died_at |= {attempt.message_id: attempt.next_visible_at for attempt in evidence.attempts if attempt.final}
    letters = {letter.message_id: letter for letter in evidence.letters}
    for message_id, at in died_at.items():
        letter = letters.get(message_id)
        told: dict[str, Any] = {"message_id": message_id}
        if letter:
            told |= {"kind": letter.kind, "error": letter.error, "fingerprint": letter.fingerprint}
            told["in_dlq"] = letter.gone_at is None
        yield Entry(at=at, what="dead", detail=told)


def _of_repair(repair: Progress, item: Item) -> Iterator[Entry]:
    if item.sent_at is None and item.state not in {DISCARDED, FAILED}:
        return  # nothing was done to the message
    told = {
        "operator": repair.operator,
        "reason": repair.reason,
        "repair_id": repair.id,
        "state": item.state,
        "message_id": item.message_id,
        "new_message_id": item.new_message_id,
        "error": item.error,
    }
    if item.new_body is not None:
        told |= {"body": item.body, "new_body": item.new_body}
    yield Entry(at=item.sent_at or item.changed_at, what=_REPAIRED[repair.action], detail=told)
