"""Why messages have died: by the attempts on record, and by task events where there are none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from celery_sqs.dlq.attempts import AttemptReader, FailedAttempt
from celery_sqs.dlq.decode import DecodedMessage
from celery_sqs.dlq.hooks import TaskHooks
from celery_sqs.monitor import EventReader, TaskRow
from celery_sqs.tasks.decision import Kind

#: An error as `celery_sqs.tasks.decision.describe` has it.
_DESCRIBED: Final = re.compile(r"(?P<name>\w+): (?P<text>.*)", re.DOTALL)


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
    def of(cls, row: TaskRow, kind: Kind) -> "ReportedFailure":
        """The failure of a task that has failed for good."""
        found = _DESCRIBED.fullmatch(row.error or "")
        return cls(
            task=row.name,
            kind=kind.value,
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
                kind = Kind.POISON if self._hooks.why_not_run(messages[message_id]) else Kind.OWN
                reasons[message_id] = ReportedFailure.of(row, kind)
        return reasons
