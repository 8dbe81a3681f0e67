"""Events of tasks as rows of the table `task_state`, and which of two is the later."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from celery_sqs.database.columns import MAX_KIND, MAX_NAME, MAX_TEXT, storable

#: The upper bounds, in seconds, of the histogram of times from send to success.
BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)

#: Characters kept of a call's arguments.
MAX_ARGUMENTS: Final = 2000

PENDING: Final = "PENDING"
RECEIVED: Final = "RECEIVED"
STARTED: Final = "STARTED"
RETRY: Final = "RETRY"
SUCCESS: Final = "SUCCESS"
FAILURE: Final = "FAILURE"
REVOKED: Final = "REVOKED"
LOST: Final = "LOST"  # its worker has stopped or died; SQS hands its message out again
UNKNOWN: Final = "UNKNOWN"  # closed: no event says how it ended, and no message of it is left

#: The states that are not the last of a task.
UNFINISHED: Final = (PENDING, RECEIVED, STARTED, RETRY, LOST)

#: What an event of Celery's, or of ours, makes of a task: its state, its phase within a receive, and the column of its
#: instant. A call that is parked in an outage will be started again; one that is released has to be received again.
TASK_EVENTS: Final[Mapping[str, tuple[str, int, str]]] = {
    "task-sent": (PENDING, 0, "sent_at"),
    "task-received": (RECEIVED, 1, "received_at"),
    "task-started": (STARTED, 2, "started_at"),
    "task-parked": (RECEIVED, 2, "received_at"),
    "task-requeued": (PENDING, 3, "finished_at"),
    "task-retried": (RETRY, 3, "finished_at"),
    "task-succeeded": (SUCCESS, 3, "finished_at"),
    "task-failed": (FAILURE, 3, "finished_at"),
    "task-revoked": (REVOKED, 3, "finished_at"),
}

#: What is known of a task or a worker, by column. A column of which nothing is known is not in it.
Row = dict[str, Any]

#: A version is (milliseconds of the send * _RECEIVES + receive count) * PHASES + phase.
PHASES: Final = 10
_RECEIVES: Final = 100

#: Columns that a later receive does not take over from an earlier one.
RECEIVE_COLUMNS: Final = frozenset({"received_at", "started_at", "finished_at", "worker"})

#: The fields of an event, the columns that they go to, and the characters of each that are kept.
_FIELDS: Final = (
    ("name", "name", MAX_NAME),
    ("subject", "subject", MAX_NAME),
    ("message_id", "message_id", MAX_NAME),
    ("args", "args", MAX_ARGUMENTS),
    ("kwargs", "kwargs", MAX_ARGUMENTS),
    ("kind", "kind", MAX_KIND),
    ("exception", "error", MAX_TEXT),
    ("traceback", "traceback", MAX_TEXT),
)

#: Those of them that not every event of a receive has.
_OF_ITS_OWN: Final = frozenset(field for field, _, _ in _FIELDS) - {"name", "message_id"}


def to_row(event: str, at: float, worker: str | None, fields: Mapping[str, Any]) -> Row:
    """What an event says of its task.

    Args:
        event: a key of `TASK_EVENTS`.
        at: when it was sent, in seconds since the epoch.
        worker: the name of the worker that sends it; None for a producer.
        fields: the event's fields: `uuid`, `receive_count` and `sent_at`, as `celery_sqs.worker.request` sends them,
            and those of this event alone.
    """
    state, phase, instant = TASK_EVENTS[event]
    sent_at, receive_count = fields.get("sent_at"), fields.get("receive_count")
    row: Row = {
        "task_id": storable(fields["uuid"][:MAX_NAME]),
        "version": version(sent_at, receive_count or 0, phase),
        "state": state,
        instant: datetime.fromtimestamp(at, UTC),
    }
    if sent_at is not None:
        row["sent_at"] = datetime.fromtimestamp(sent_at, UTC)
    if receive_count is not None:
        row["receive_count"] = receive_count
    if worker is not None:
        row["worker"] = storable(worker[:MAX_NAME])
    for field, column, limit in _FIELDS:
        text = fields.get(field)
        if text:
            row[column] = storable(text[:limit])
    return row


def follow(row: Row, event: str, at: float, worker: str | None, fields: Mapping[str, Any]) -> bool:
    """Note in the row of a call what its next event says; False, and nothing is noted, where that takes `merge`.

    Within a receive most events say nothing but that they happened: made into rows of their own they would take most of
    the time that events do.
    """
    if not _OF_ITS_OWN.isdisjoint(fields) or row.get("worker") != worker or row.get("name") != fields.get("name"):
        return False
    state, phase, instant = TASK_EVENTS[event]
    new, old = version(fields.get("sent_at"), fields.get("receive_count") or 0, phase), row["version"]
    if not new // PHASES == old // PHASES > 0 or new < old or row.get("message_id") != fields.get("message_id"):
        return False
    row.update({"version": new, "state": state, instant: datetime.fromtimestamp(at, UTC)})
    return True


def version(sent_at: float | None, receive_count: int, phase: int) -> int:
    """The version of a task's state: it grows with each send, with each receive, and with the phase of that.

    Events come from several processes and out of order; of two the one with the higher version is the later.
    A producer's event does not know when SQS accepted the message. Its version is 0, so it is the earliest.
    """
    if sent_at is None:
        return 0
    return (round(sent_at * 1000) * _RECEIVES + min(receive_count, _RECEIVES - 1)) * PHASES + phase


def merge(old: Row, new: Row) -> Row:
    """The rows of two events of one task as one row. `celery_sqs.monitor.task_states` has the same in SQL."""
    early, late = (old, new) if new["version"] >= old["version"] else (new, old)
    if late["version"] // PHASES > early["version"] // PHASES > 0:
        early = {name: value for name, value in early.items() if name not in RECEIVE_COLUMNS}
    return {**early, **late}


def bucket(seconds: float) -> str:
    """The name, in `task_minutes`, of the bucket of a time from send to success."""
    bound = next((bound for bound in BUCKETS if seconds <= bound), "inf")
    return f"took_le_{bound}"
