"""Rows of the monitor's tables as the events that Flower understands.

https://docs.celeryq.dev/en/stable/userguide/monitoring.html#event-reference lists them. An event that Flower has had
is not made again, so the same rows may be replayed any number of times.
"""

from datetime import datetime
from typing import Any, Final

from celery_sqs.monitor.event_reader import TaskRow, WorkerRow
from celery_sqs.monitor.task_events import FAILURE, LOST, PENDING, RECEIVED, RETRY, REVOKED, STARTED, SUCCESS, UNKNOWN

Event = dict[str, Any]

#: The hostname of the event of a task that no worker has received yet.
PRODUCER: Final = "producer"

#: The event that leads to each state. Celery has none for LOST and UNKNOWN, and takes them for custom states.
_EVENT_OF: Final = {
    PENDING: "sent",
    RECEIVED: "received",
    STARTED: "started",
    RETRY: "retried",
    SUCCESS: "succeeded",
    FAILURE: "failed",
    REVOKED: "revoked",
    LOST: "lost",
    UNKNOWN: "unknown",
}


def replay_task(row: TaskRow, known: Any) -> list[Event]:
    """The events that bring Flower up to date on a task, in order.

    Args:
        row: the task's row.
        known: Flower's own celery.events.state.Task; None if it has none.
    """
    at = _state_since(row)
    if known is not None and (known.state, known.timestamp) == (row.state, at):
        return []
    steps = [(step, instant) for step, instant in _earlier_steps(row) if getattr(known, step, None) != instant]
    steps.append((_EVENT_OF[row.state], at))
    events = [_task_event(row, step, instant) for step, instant in steps]
    if row.state == SUCCESS and row.started_at is not None and row.closed_at is None:
        events[-1]["runtime"] = at - row.started_at.timestamp()
    return events


def replay_worker(row: WorkerRow, known: Any, now: datetime) -> list[Event]:
    """The events that bring Flower up to date on a worker.

    Flower takes a worker for dead whose last event is older than two of its heartbeats, so a worker that is alive
    gets one each time.

    Args:
        row: the worker's row.
        known: Flower's own celery.events.state.Worker; None if it has none.
        now: the time.
    """
    if row.is_alive(now):
        return [_worker_event(row, "heartbeat" if known is not None and known.alive else "online", now)]
    offline = _worker_event(row, "offline", row.seen_at)
    if known is None or known.pid != row.pid:
        # It died before Flower had an event of it. Without a heartbeat it would not be listed.
        return [_worker_event(row, "heartbeat", row.seen_at), offline]
    return [offline] if known.heartbeats else []


def _state_since(row: TaskRow) -> float:
    """When a task came into its state, in seconds since the epoch."""
    instants = {
        PENDING: row.finished_at or row.sent_at,  # released by a worker, or new
        RECEIVED: row.received_at,
        STARTED: row.started_at,
        LOST: row.changed_at,
        UNKNOWN: row.closed_at,
    }
    return (instants.get(row.state, row.finished_at) or row.changed_at).timestamp()


def _earlier_steps(row: TaskRow) -> list[tuple[str, float]]:
    """The steps of the latest receive before the task came into its state."""
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
        # Else it would count as a heartbeat of the worker, however long ago it was.
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


def _worker_event(row: WorkerRow, event: str, received_at: datetime) -> Event:
    return {
        **row.software,
        "type": f"worker-{event}",
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
