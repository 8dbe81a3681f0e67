"""A failed attempt: what is logged and recorded of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from celery_sqs.errors import SQSError
from celery_sqs.tasks.decision import Kind, RetryDecision


class Withheld(SQSError):
    """It stands on record for an error whose text could not be recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A run of a task that failed.

    Attributes:
        task: the task's name; empty where the message names none.
        task_id: the message's task id.
        message_id: SQS's own id of the message.
        kind: whose fault it was.
        args: the call's positional arguments.
        error: what was raised.
        traceback: where, as text.
        receive_count: how often SQS has handed out the message, this time included.
        worker: the worker's name.
        final: whether the queue allows no further receive.
        failed_at: when; aware, UTC.
        next_visible_at: when SQS hands the message out again, at the earliest; aware, UTC.
    """

    task: str
    task_id: str
    message_id: str
    kind: Kind
    args: tuple[Any, ...]
    error: BaseException
    traceback: str
    receive_count: int
    worker: str
    final: bool
    failed_at: datetime
    next_visible_at: datetime

    @classmethod
    def of(
        cls, task: str, request: Any, message_id: str, decision: RetryDecision, error: BaseException, traceback: str
    ) -> "Attempt":
        """The attempt that has just failed.

        Args:
            task: the task's name.
            request: with `id`, `args`, `retries` and `hostname`.
            message_id: SQS's.
            decision: what becomes of the message.
            error: what was raised.
            traceback: where, as text.
        """
        now = datetime.now(UTC)
        return cls(
            task=task,
            task_id=request.id,
            message_id=message_id,
            kind=decision.kind,
            args=tuple(request.args or ()),
            error=error,
            traceback=traceback,
            receive_count=int(request.retries or 0) + 1,
            worker=request.hostname or "",
            final=decision.final,
            failed_at=now,
            next_visible_at=now + timedelta(seconds=decision.delay),
        )

    def without_text(self) -> "Attempt":
        """The same attempt without what its error and its traceback say: an order's text may be in it."""
        what = f"{type(self.error).__name__}, whose text could not be recorded"
        return replace(self, error=Withheld(what), traceback="")


def describe(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}"
