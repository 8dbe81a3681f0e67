"""What the DLQ needs of a store of failed attempts: why a message has died."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol


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


class AttemptReader(Protocol):
    """A store that a task keeps its attempts in (`SQSTask.attempt_store`)."""

    def last_attempts(self, message_ids: Sequence[str]) -> Mapping[str, FailedAttempt]:
        """The last failed attempt at each of these messages, by SQS's message id; up to 500 at once.

        Messages without a failed attempt on record are left out.
        """
