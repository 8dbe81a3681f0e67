"""What is kept of an attempt that failed, and the state of an order that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

#: The kind of an attempt that is on record before it begins, and has no outcome yet.
BEGUN: Final = "begun"

#: The kind of an attempt that found another order under the same id, and whose message was deleted then.
CONFLICT: Final = "conflict"

#: The kinds of attempts after which no later one can succeed.
NOT_RETRYABLE: Final = ("permanent", "poison", CONFLICT)

State = Literal["queued", "retrying", "persisted", "dead", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """One run of a task that did not succeed.

    Attributes:
        order_id: the order, where the message names one.
        task: the task's name.
        task_id: the message's task id.
        message_id: SQS's own id of the message when it was sent first; with `receive_count`, it names the attempt.
        kind: the class of the failure: `own`, `permanent`, `poison` or `lost`; `conflict`: its message was deleted;
            `begun`: it runs, or its worker is gone.
        error_class: the exception's class, e.g. `ConflictingOrder`.
        message: the exception's text.
        traceback: where it was raised.
        receive_count: how often SQS had handed out the message, all its copies, that time included.
        worker: the worker's name.
        final: whether the queue allows no further attempt, so that SQS moves the message to the DLQ.
        failed_at: when; aware, UTC.
        next_visible_at: when SQS hands the message out again at the earliest, or, after the final
            attempt, when it can be moved to the DLQ; aware, UTC.
    """

    order_id: UUID | None
    task: str
    task_id: str
    message_id: str
    kind: str
    error_class: str
    message: str
    traceback: str
    receive_count: int
    worker: str
    final: bool
    failed_at: datetime
    next_visible_at: datetime


def attempt_of(row: Any) -> FailedAttempt:
    """The attempt of a row that has the columns of the table `attempts`, and maybe others."""
    fields = {name: getattr(row, name) for name in FailedAttempt.__dataclass_fields__}
    fields["order_id"] = None if row.order_id is None else UUID(row.order_id)
    return FailedAttempt(**fields)


@dataclass(frozen=True, slots=True)
class AttemptCount:
    """How many attempts at a message are on record, those that have begun included.

    Attributes:
        attempts: how many.
        is_over: whether one of them was final, or no later one can fix it.
        receive_count: how often SQS had handed out the message at the last of them.
    """

    attempts: int
    is_over: bool
    receive_count: int


def state_without_row(failed: Sequence[FailedAttempt], missing_since: datetime | None = None) -> State:
    """The state of an accepted order that is not in the table.

    Args:
        failed: its failed attempts.
        missing_since: when it was found to be missing; an attempt after that says that it is not.
    """
    if missing_since and all(attempt.failed_at < missing_since for attempt in failed):
        return "missing"
    if any(attempt.final for attempt in failed):
        return "dead"
    return "retrying" if any(attempt.kind != BEGUN for attempt in failed) else "queued"
