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

EVENTS_DROPPED: Final = Counter("task_events_dropped", "Events of tasks that found no room and are not in task_state.")


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
