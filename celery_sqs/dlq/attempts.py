"""What the DLQ needs of a store of failed attempts: why a message has died, and whether it has attempts left."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

from celery import Celery
from sqlalchemy import Engine

from celery_sqs.dlq.decode import DecodedMessage
from celery_sqs.dlq.hooks import TaskHooks
from celery_sqs.monitor import EventReader, TaskRow
from celery_sqs.tasks.decision import Kind
from celery_sqs.tasks.task import SQSTask

#: The kinds that one word does not explain.
_WORDS: Final = {
    "begun": "running, or its worker was killed",
    "lost": "lost: its worker was killed, or it took too long",
}

#: An error as `celery_sqs.tasks.decision.describe` has it.
_DESCRIBED: Final = re.compile(r"(?P<name>\w+): (?P<text>.*)", re.DOTALL)


def kind_in_words(kind: str) -> str:
    """Whose fault a failed attempt was, as people read it: a value of `celery_sqs.tasks.decision.Kind` in words."""
    return _WORDS.get(kind, kind)


class FailedAttempt(Protocol):
    """The record of a failed attempt at a message, as far as it is read here."""

    @property
    def task(self) -> str:
        """The task's name; empty where the message names none."""

    @property
    def kind(self) -> str:
        """A value of `celery_sqs.tasks.decision.Kind`."""

    @property
    def error_class(self) -> str:
        """The exception's class."""

    @property
    def message(self) -> str:
        """The exception's text."""

    @property
    def traceback(self) -> str:
        """Where it was raised, as text."""

    @property
    def final(self) -> bool:
        """Whether the queue allows no further receive of the message."""

    @property
    def failed_at(self) -> datetime:
        """When; aware, UTC."""


class AttemptCount(Protocol):
    """How many attempts at a message are on record, those that have begun included."""

    @property
    def attempts(self) -> int:
        """How many."""

    @property
    def is_over(self) -> bool:
        """Whether one of them was final, or of a kind that no later attempt can fix: permanent or poison."""

    @property
    def receive_count(self) -> int:
        """How often SQS had handed out the message at the last of them."""


@runtime_checkable
class AttemptReader(Protocol):
    """A store that a task keeps its attempts in (`SQSTask.attempt_store`).

    Messages without an attempt on record are left out. One that was renewed has the id that it was sent with first.
    """

    def last_attempts(self, message_ids: Sequence[str]) -> Mapping[str, FailedAttempt]:
        """The last failed attempt at each of these messages, by SQS's message id; up to 500 at once."""

    def count_attempts(self, message_ids: Sequence[str]) -> Mapping[str, AttemptCount]:
        """How many attempts at each of these messages are on record, by SQS's message id; up to 500 at once."""


class TaskAttempts:
    """The attempts that the tasks of an app keep, in stores that are readers, too: an `AttemptReader`.

    Args:
        app: the Celery application.
        listed: the tasks that messages of the queue may name; None for all.
    """

    def __init__(self, app: Celery, listed: Collection[str] | None = None) -> None:
        self._app = app
        self._listed = listed

    def last_attempts(self, message_ids: Sequence[str]) -> Mapping[str, FailedAttempt]:
        """The last failed attempt at each of these messages, by SQS's message id; up to 500 at once."""
        return {key: found for each in self._readers() for key, found in each.last_attempts(message_ids).items()}

    def count_attempts(self, message_ids: Sequence[str]) -> Mapping[str, AttemptCount]:
        """How many attempts at each of these messages are on record, by SQS's message id; up to 500 at once."""
        return {key: found for each in self._readers() for key, found in each.count_attempts(message_ids).items()}

    def _readers(self) -> Iterator[AttemptReader]:
        tasks = [task for name, task in self._app.tasks.items() if self._listed is None or name in self._listed]
        stores: list[object] = [task.attempt_store for task in tasks if isinstance(task, SQSTask)]
        for store in {id(each): each for each in stores}.values():
            if isinstance(store, AttemptReader):
                yield store


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedFailure:
    """What a task event says of the last attempt at a message: a `FailedAttempt`."""

    task: str
    kind: str
    error_class: str
    message: str
    traceback: str
    failed_at: datetime
    final: bool = True

    @classmethod
    def of(cls, row: TaskRow, kind: str) -> "ReportedFailure":
        """The failure of a task that has failed for good, and whose fault it was."""
        found = _DESCRIBED.fullmatch(row.error or "")
        return cls(
            task=row.name,
            kind=kind,
            error_class=found["name"] if found else "",
            message=found["text"] if found else row.error or "",
            traceback=row.traceback or "",
            failed_at=row.finished_at or row.changed_at,
        )


class Reasons:
    """Finds the last failed attempt at messages.

    Args:
        engine: to the database with the monitor's tables.
        attempts: the failed attempts on record.
        hooks: of the tasks that the messages call.
    """

    def __init__(self, engine: Engine, attempts: AttemptReader, hooks: TaskHooks) -> None:
        self._events = EventReader(engine)
        self._attempts = attempts
        self._hooks = hooks

    def of(self, messages: Mapping[str, DecodedMessage]) -> dict[str, FailedAttempt]:
        """The last failed attempt at messages, by SQS's message id; up to 500 at once.

        Of a task that keeps no attempts, it is the event that says that the call has failed for good, or was revoked.
        Messages of which neither is on record are left out.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
        """
        if not messages:
            return {}
        reasons = dict(self._attempts.last_attempts(list(messages)))
        others = {
            message.task_id: message_id
            for message_id, message in messages.items()
            if message_id not in reasons and message.call is not None and not self._hooks.keeps_attempts(message)
        }
        for task_id, row in (self._events.failures(list(others)) if others else {}).items():
            message_id = others[task_id]
            if row.message_id == message_id:  # and not of one that was sent before with the same task id
                # An event without a kind is a revocation, or older than the column.
                today = Kind.POISON if self._hooks.why_not_run(messages[message_id]) else Kind.OWN
                reasons[message_id] = ReportedFailure.of(row, row.kind or today.value)
        return reasons
