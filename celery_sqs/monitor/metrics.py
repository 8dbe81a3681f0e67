"""What a worker counts of its tasks, for Prometheus: attempts by their outcome, and the time to success."""

import functools
from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import Counter, Histogram

from celery_sqs.monitor.task_events import BUCKETS
from celery_sqs.tasks.decision import Kind

SUCCEEDED: Final = "succeeded"

#: The outcomes of `task_attempts_total`. An outage is no failure of the task: it is run again afterwards.
OUTCOMES: Final = frozenset({SUCCEEDED, *Kind})

#: The task of a message that cannot be decoded. It may name anything, and each name would be a series.
UNKNOWN: Final = "unknown"

ATTEMPTS: Final = Counter(
    "task_attempts",
    "Attempts that ended. Outcome: succeeded, or whose fault it was (own, permanent, lost, poison, outage).",
    ["task", "outcome"],
)

SECONDS_TO_SUCCESS: Final = Histogram(
    "task_seconds_to_success",
    "From when SQS accepted the message until its task had succeeded, with all waiting and all attempts.",
    ["task"],
    buckets=BUCKETS,
)

NO_ROOM: Final = "no_room"
UNREADABLE: Final = "unreadable"
REFUSED: Final = "refused"

_EVENTS_DROPPED: Final = Counter(
    "task_events_dropped",
    "Events of tasks that are not in task_state. Reason: no_room (in memory, mostly in an outage of the database), "
    "unreadable (a field has another type than it should), refused (by the database; a row of several events is one).",
    ["reason"],
)

#: Each has its series from the start: of one that appears with its first count, Prometheus sees no increase.
EVENTS_DROPPED: Final = {reason: _EVENTS_DROPPED.labels(reason) for reason in (NO_ROOM, UNREADABLE, REFUSED)}


def counted_task(fields: Mapping[str, Any]) -> str:
    """The task under which an event is counted.

    Args:
        fields: the event's.
    """
    return UNKNOWN if fields.get("kind") == Kind.POISON else fields.get("name") or ""


def count(event: str, at: float, fields: Mapping[str, Any]) -> None:
    """Count the attempt that an event ends; most end none.

    Args:
        event: a key of `celery_sqs.monitor.task_events.TASK_EVENTS`.
        at: when it was sent, in seconds since the epoch.
        fields: its fields, as `celery_sqs.worker.request` sends them.
    """
    match event:
        case "task-succeeded":
            sent_at = fields.get("sent_at")
            observe(fields["name"], SUCCEEDED, None if sent_at is None else at - sent_at)
        case "task-retried" | "task-failed":
            observe(fields["name"], fields.get("kind", Kind.OWN))
        case "task-parked":
            observe(fields["name"], Kind.OUTAGE)


def observe(task: str, outcome: str, seconds_since_sent: float | None = None) -> None:
    """Count an attempt that has ended.

    Args:
        task: its name; of no meaning for a poison message.
        outcome: one of `OUTCOMES`.
        seconds_since_sent: since SQS accepted the message, where that is known; used for a success.
    """
    if outcome == Kind.POISON:
        task = UNKNOWN
    _attempts(task, outcome).inc()
    if outcome == SUCCEEDED and seconds_since_sent is not None:
        # The two clocks may differ by a little.
        _seconds_to_success(task).observe(max(0.0, seconds_since_sent))


# `labels` takes a lock and builds a tuple each time, for a few names in all.
@functools.lru_cache(maxsize=1024)
def _attempts(task: str, outcome: str) -> Counter:
    return ATTEMPTS.labels(task, outcome)


@functools.lru_cache(maxsize=1024)
def _seconds_to_success(task: str) -> Histogram:
    return SECONDS_TO_SUCCESS.labels(task)
