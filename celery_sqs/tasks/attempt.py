"""A failed attempt: what is logged of it, and the store that records it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from celery_sqs import system
from celery_sqs.errors import SQSError
from celery_sqs.tasks.decision import Kind, RetryDecision


class Unrecordable(SQSError):
    """It stands on record for an error whose text could not be recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A run of a task that failed.

    Attributes:
        task: the task's name; empty where the message names none.
        task_id: the message's task id.
        message_id: SQS's own id of the message when it was sent first; its copies have it, too.
        kind: whose fault it was.
        args: the call's positional arguments.
        error: what was raised.
        traceback: where, as text.
        receive_count: how often SQS has handed out the message, this time included.
        worker: the worker's name.
        final: whether it is the last attempt.
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
        cls,
        task: str,
        request: Any,
        message_id: str,
        receive_count: int,
        decision: RetryDecision,
        error: BaseException,
        traceback: str,
    ) -> "Attempt":
        """The attempt that has just failed.

        Args:
            task: the task's name.
            request: with `id`, `args` and `hostname`.
            message_id: SQS's.
            receive_count: how often SQS has handed out the message.
            decision: what becomes of the message.
            error: what was raised.
            traceback: where, as text.
        """
        now = system.now(UTC)
        return cls(
            task=task,
            task_id=request.id,
            message_id=message_id,
            kind=decision.kind,
            args=tuple(request.args or ()),
            error=error,
            traceback=traceback,
            receive_count=receive_count,
            worker=request.hostname or "",
            final=decision.final,
            failed_at=now,
            next_visible_at=now + timedelta(seconds=decision.delay),
        )

    @property
    def exc_info(self) -> BaseException | None:
        """What a log line shows the traceback of; None where the error was not raised here, or it is to be left out."""
        return self.error if self.traceback and self.error.__traceback__ else None

    def without_text(self) -> "Attempt":
        """The same attempt without what its error and its traceback say: an order's text may be in it."""
        what = f"{type(self.error).__name__}, whose text could not be recorded"
        return replace(self, error=Unrecordable(what), traceback="")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """What is on record of a message that has come back.

    Attributes:
        receives: at which receives of the message attempts have failed, one number for each attempt: a set of int, or
            another collection of them.
        last_at: when the last of them failed, or began if its end is not known: an aware datetime, as a naive one does
            not say which instant it is; None without one.
        lost: the one among them that had begun and has no outcome, as its worker is gone: an int; None without one.

    Raises:
        TypeError: a field has another type, or `last_at` is naive.
    """

    receives: Collection[int] = frozenset()
    last_at: datetime | None = None
    lost: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.receives, Collection) or not all(isinstance(each, int) for each in self.receives):
            raise TypeError(f"OnRecord.receives has to be a collection of int, not {self.receives!r}")
        at = self.last_at
        if at is not None and (not isinstance(at, datetime) or at.utcoffset() is None):
            raise TypeError(f"OnRecord.last_at has to be an aware datetime or None, not {at!r}")
        if self.lost is not None and not isinstance(self.lost, int):
            raise TypeError(f"OnRecord.lost has to be an int or None, not {self.lost!r}")
        object.__setattr__(self, "receives", frozenset(self.receives))  # one number for each attempt

    @property
    def attempts(self) -> int:
        """How many attempts have failed."""
        return len(self.receives)


class AttemptStore(Protocol):
    """Where a task keeps its failed attempts. They are its failure budget, which no crash and no stop spends.

    An attempt is named by its message's id and receive count. Each method may raise whatever its database raises;
    `SQSTask.is_outage` says which of that is an outage. An answer of another type than is asked for counts as none.
    """

    def record(self, attempt: Attempt) -> None:
        """Keep an attempt. One of the kind `begun` is replaced by its outcome; any other stands once it is there."""

    def withdraw(self, message_id: str, receive_count: int) -> None:
        """Forget an attempt of the kind `begun`: it has succeeded, or an outage has interrupted it."""

    def returned(self, max_attempts: Mapping[str, int]) -> Mapping[str, OnRecord]:
        """What is on record of these messages, by id: an `OnRecord` each; nothing of one without attempts.

        They have come back, so an attempt of the kind `begun` has lost its worker: from now on it is of the kind
        `lost`, and final where it is the last that the queue allows.

        Args:
            max_attempts: how many attempts the queue allows, by message id.
        """
