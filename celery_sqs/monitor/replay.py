"""What is on record of tasks and workers, told again as the events that Flower understands.

https://docs.celeryq.dev/en/stable/userguide/monitoring.html#event-reference lists them. What Flower has been told
before is not told again, so the same rows may be read as often as one likes.
"""

from datetime import datetime
from typing import Any, Final

from celery_sqs.monitor.event_reader import TaskRow, WorkerRow
from celery_sqs.monitor.report import FAILURE, LOST, PENDING, RECEIVED, RETRY, REVOKED, STARTED, SUCCESS

Event = dict[str, Any]

#: Whom Flower names as the sender of a call that no worker has received yet.
PRODUCER: Final = "producer"

#: The event that leads to each state. Celery has none for LOST, and takes it for a state of our own.
_LEADS_TO: Final = {
    PENDING: "sent",
    RECEIVED: "received",
    STARTED: "started",
    RETRY: "retried",
    SUCCESS: "succeeded",
    FAILURE: "failed",
    REVOKED: "revoked",
    LOST: "lost",
}


def task_events(row: TaskRow, known: Any) -> list[Event]:
    """The events that bring Flower up to date on a task, in order.

    Args:
        row: what is on record.
        known: Flower's own celery.events.state.Task; None if it has none.
    """
    at = _reached_at(row)
    if known is not None and (known.state, known.timestamp) == (row.state, at):
        return []
    steps = [(step, moment) for step, moment in _steps_before(row) if getattr(known, step, None) != moment]
    steps.append((_LEADS_TO[row.state], at))
    events = [_task_event(row, step, moment) for step, moment in steps]
    if row.state == SUCCESS and row.started_at is not None:
        events[-1]["runtime"] = at - row.started_at.timestamp()
    return events


def worker_events(row: WorkerRow, known: Any, now: datetime) -> list[Event]:
    """The events that bring Flower up to date on a worker.

    Flower takes a worker for dead that has been silent for twice its heartbeat, so one that lives is told of at
    least as often.

    Args:
        row: what is on record.
        known: Flower's own celery.events.state.Worker; None if it has none.
        now: the time.
    """
    if row.is_alive(now):
        return [_worker_event(row, "heartbeat" if known is not None and known.alive else "online", now)]
    offline = _worker_event(row, "offline", row.seen_at)
    if known is None or known.pid != row.pid:
        # It died before Flower could hear of it, and would not be listed.
        return [_worker_event(row, "heartbeat", row.seen_at), offline]
    return [offline] if known.heartbeats else []


def _reached_at(row: TaskRow) -> float:
    """When a task came into its state, in seconds since the epoch."""
    instants = {
        PENDING: row.finished_at or row.sent_at,  # given back by a worker, or new
        RECEIVED: row.received_at,
        STARTED: row.started_at,
        LOST: row.changed_at,
    }
    return (instants.get(row.state, row.finished_at) or row.changed_at).timestamp()


def _steps_before(row: TaskRow) -> list[tuple[str, float]]:
    """What has happened in this receive of a task before it came into its state."""
    steps = []
    if row.received_at is not None and row.state not in {PENDING, RECEIVED}:
        steps.append(("received", row.received_at.timestamp()))
    if row.started_at is not None and row.state not in {PENDING, RECEIVED, STARTED}:
        steps.append(("started", row.started_at.timestamp()))
    return steps


def _task_event(row: TaskRow, step: str, at: float) -> Event:
    return {
        "type": f"task-{step}",
        "uuid": row.task_id,
        "hostname": row.worker or PRODUCER,
        "timestamp": at,
        # Else it would count as a sign of life of the worker, however long ago it was.
        "local_received": None,
        "clock": 0,
        "name": row.name,
        "args": row.args,
        "kwargs": row.kwargs,
        "retries": max(row.receive_count - 1, 0),
        "exception": row.error,
        "traceback": row.traceback,
        "sent": None if row.sent_at is None else row.sent_at.timestamp(),
    }


def _worker_event(row: WorkerRow, sign: str, received_at: datetime) -> Event:
    return {
        **row.software,
        "type": f"worker-{sign}",
        "hostname": row.name,
        "timestamp": row.seen_at.timestamp(),
        "local_received": received_at.timestamp(),
        "clock": 0,
        "pid": row.pid,
        "freq": row.heartbeat,
        "active": row.active,
        "processed": row.processed,
        "loadavg": row.load_average,
    }
