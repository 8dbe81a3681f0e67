"""What the DLQ needs of a store of failed attempts: why a message has died, and whether it has attempts left."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

from celery import Celery

from celery_sqs.tasks.task import SQSTask

#: The kinds that one word does not explain.
_WORDS: Final = {
    "begun": "running, or its worker was killed",
    "lost": "lost: its worker was killed, or it took too long",
}


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
