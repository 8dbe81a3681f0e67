"""What the pages read of a task's history: a host may have one of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened.

    Attributes:
        at: when; aware, UTC.
        what: `sent`, `received`, `started`, `begun`, `failed`, `succeeded`, `dead`, `redriven`, `edited`, `discarded`,
            `rescued`, or a word of the host's.
        detail: name -> value, of types that JSON has.
    """

    at: datetime
    what: str
    detail: Mapping[str, Any]


class TimeLine(Protocol):
    """What is known of a task, or of what its call is about."""

    @property
    def subject(self) -> str | None:
        """What the call is about, as the task's hook `subject` names it."""

    @property
    def task_ids(self) -> Sequence[str]:
        """The tasks that were about it, or the task."""

    @property
    def state(self) -> str:
        """Celery's state, `dead`, or a state of the host's."""

    @property
    def entries(self) -> Sequence[Entry]:
        """What has happened, oldest first."""

    @property
    def payload(self) -> str | None:
        """What was asked for, as text, where it is on record."""

    @property
    def traceback(self) -> str | None:
        """Of the last failed attempt; None where there is none."""


class History(Protocol):
    """Finds time lines."""

    def timeline(self, named: str) -> TimeLine | None:
        """The time line of a task or a subject, by its id; None if nothing is on record.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
        """
