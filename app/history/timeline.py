"""The time line of an order or task: from the accepted request to the row or the DLQ, and from the DLQ back."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.history.order_history import OrderHistory
from celery_sqs.workbench import Entry, of_deaths, of_repair, of_task
from orders.attempt import BEGUN, FailedAttempt


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLine:
    """What is known of an order or task.

    Attributes:
        order_id: the order; None for a task that is about none.
        task_ids: the tasks that were about it, or the task.
        state: of an order `queued`, `retrying`, `persisted`, `dead` or `missing`; of any other task Celery's state.
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

    @property
    def subject(self) -> str | None:
        """What the workbench calls the order."""
        return self.order_id


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
        yield from of_task(task)
    for attempt in history.attempts:
        yield _attempt(attempt)
    died_at = {attempt.message_id: attempt.next_visible_at for attempt in history.attempts if attempt.final}
    yield from of_deaths(history.messages, died_at)
    for repair, item in history.repairs:
        yield from of_repair(repair, item)
    if history.missing_since:
        yield Entry(at=history.missing_since, what="missing", detail={})
    if history.stored:
        row = history.stored
        detail = {"worker": row.worker, "attempts": row.attempts, "task_id": row.task_id}
        yield Entry(at=row.persisted_at, what="persisted", detail=detail)


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
