"""What is reported of a task: one change of its state, as a row of the table `task_state`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from celery_sqs.database.columns import MAX_NAME, MAX_TEXT, storable

#: The upper bounds, in seconds, of the classes that times from sending to success are counted in.
BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)

#: Characters kept of a call's arguments: what the wire makes of them, and some more.
MAX_ARGUMENTS: Final = 2000

PENDING: Final = "PENDING"
RECEIVED: Final = "RECEIVED"
STARTED: Final = "STARTED"
RETRY: Final = "RETRY"
SUCCESS: Final = "SUCCESS"
FAILURE: Final = "FAILURE"
REVOKED: Final = "REVOKED"
LOST: Final = "LOST"

#: The states that something else is to follow.
UNFINISHED: Final = (PENDING, RECEIVED, STARTED, RETRY, LOST)

#: What Celery's events, and ours, make of a task: its state, how far within a receive, and the column of the instant.
#: A call that is parked in an outage has been received and will be started again; one that is released waits again.
EVENTS: Final[Mapping[str, tuple[str, int, str]]] = {
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

#: What is known of a task, by column; what is not known is not in it.
Row = dict[str, Any]

#: Room for the phases within a receive.
PHASES: Final = 10
_RECEIVES: Final = 100  # and for the receives of a message

#: Columns that a later receive does not take over from an earlier one.
OF_ONE_RECEIVE: Final = frozenset({"received_at", "started_at", "finished_at", "worker"})

#: The fields of an event that are columns of the same meaning, and the characters of each that are kept.
_FIELDS: Final = (
    ("name", "name", MAX_NAME),
    ("subject", "subject", MAX_NAME),
    ("message_id", "message_id", MAX_NAME),
    ("args", "args", MAX_ARGUMENTS),
    ("kwargs", "kwargs", MAX_ARGUMENTS),
    ("exception", "error", MAX_TEXT),
    ("traceback", "traceback", MAX_TEXT),
)


def row(event: str, at: float, worker: str | None, told: Mapping[str, Any]) -> Row:
    """What an event says of its task.

    Args:
        event: a key of `EVENTS`.
        at: when, in seconds since the epoch.
        worker: the worker's name; None where no worker tells.
        told: the event's fields: `uuid`, `receive_count` and `sent_at`, as `celery_sqs.worker.request` sends them, and
            what the event has of its own.
    """
    state, phase, instant = EVENTS[event]
    sent_at, receive_count = told.get("sent_at"), told.get("receive_count")
    made: Row = {
        "task_id": told["uuid"][:MAX_NAME],
        "version": version(sent_at, receive_count or 0, phase),
        "state": state,
        instant: datetime.fromtimestamp(at, UTC),
    }
    if sent_at is not None:
        made["sent_at"] = datetime.fromtimestamp(sent_at, UTC)
    if receive_count is not None:
        made["receive_count"] = receive_count
    if worker is not None:
        made["worker"] = worker[:MAX_NAME]
    for field, column, limit in _FIELDS:
        text = told.get(field)
        if text:
            made[column] = storable(text[:limit])
    return made


def version(sent_at: float | None, receive_count: int, phase: int) -> int:
    """A number that grows with the life of a call: with each send, with each receive, and within that.

    Reports come from several processes and out of order; of two the one with the higher number is the later.
    0 where it is not known which send it is about, as with what a producer reports: then it is the earliest.
    """
    if sent_at is None:
        return 0
    return (round(sent_at * 1000) * _RECEIVES + min(receive_count, _RECEIVES - 1)) * PHASES + phase


def merged(old: Row, new: Row) -> Row:
    """Two reports about one task as one. `celery_sqs.monitor.task_states` has the same in SQL."""
    early, late = (old, new) if new["version"] >= old["version"] else (new, old)
    if late["version"] // PHASES > early["version"] // PHASES > 0:
        early = {name: value for name, value in early.items() if name not in OF_ONE_RECEIVE}
    return {**early, **late}


def bucket(seconds: float) -> str:
    """The class of `task_minutes` that a time from sending to success falls into."""
    bound = next((bound for bound in BUCKETS if seconds <= bound), "inf")
    return f"took_le_{bound}"
