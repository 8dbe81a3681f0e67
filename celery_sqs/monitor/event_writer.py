"""Writes events into the tables without making a task wait.

Whoever sends an event leaves it in a queue in memory. One thread of each process merges those of half a second into one
statement. While the database is away they are kept, up to a limit; an event that finds no room is counted.
"""

import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from celery_sqs.monitor.metrics import EVENTS_DROPPED
from celery_sqs.monitor.task_events import Row, bucket, merge, to_row
from celery_sqs.monitor.task_states import DEAD_AFTER, HEARTBEAT, CounterKey
from celery_sqs.monitor.worker_status import WorkerStatus
from celery_sqs.retry import pause
from celery_sqs.threads import Guarded
from celery_sqs.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

LINGER: Final = 0.5  # seconds that an event waits for others

MAX_EVENTS: Final = 50_000  # in the queue; several seconds' worth of a worker at its fastest
MAX_ROWS: Final = 20_000  # tasks whose events wait for the database

FIRST_PAUSE: Final = 1.0  # seconds after a failed write, at the most; doubles from there
LONGEST_PAUSE: Final = 10.0  # seconds

PURGE_EVERY: Final = 60.0  # seconds between two purges, at the most

#: The events that are counted for each minute, and the names of the counts.
_COUNTED: Final = {
    "task-sent": "sent",
    "task-succeeded": "succeeded",
    "task-retried": "retried",
    "task-failed": "failed",
}

#: Called with each event: its name, when it was sent in seconds since the epoch, and its fields.
Observer = Callable[[str, float, Mapping[str, Any]], None]


class Store(Protocol):
    """Where events are written: see `celery_sqs.monitor.task_states.TaskStates`."""

    def write(self, rows: list[Row], counts: Counter[CounterKey], worker: Row | None = None) -> None:
        """Write rows of tasks, counts, and the row of a worker."""

    def mark_lost(self, now: datetime) -> int:
        """Set unfinished tasks of workers that are gone to LOST; returns how many there were."""

    def purge(self, before: datetime) -> int:
        """Delete some of what is old; returns how many rows."""


class NullStore:
    """The store of a process that only counts events for metrics."""

    def write(self, rows: list[Row], counts: Counter[CounterKey], worker: Row | None = None) -> None:
        """Write nothing."""

    def mark_lost(self, now: datetime) -> int:
        """Set nothing to LOST."""
        return 0

    def purge(self, before: datetime) -> int:
        """Delete nothing."""
        return 0


class EventWriter:
    """Takes events from any thread and writes them from its own.

    Args:
        store: where to.
        retention: how long they are kept.
        observe: is called with each event, too.

    Attributes:
        worker: the status to write every `HEARTBEAT` seconds; None in a process that is no worker.
    """

    def __init__(self, store: Store, retention: timedelta, observe: Observer = lambda *_: None) -> None:
        self._store = store
        self._retention = retention
        self._observe = observe
        self._events: deque[tuple[str, float, str | None, Mapping[str, Any]]] = deque()
        self._rows: dict[str, Row] = {}
        self._counts: Counter[CounterKey] = Counter()
        self._failures = 0
        self._healthy_since = float("inf")
        self._heartbeat_at = self._purged_at = float("-inf")
        self._stopped = threading.Event()
        self._outage_log = ThrottledLog(logger, "task events wait for the database")
        self._overflow_log = ThrottledLog(logger, "task events found no room")
        self._dropped = 0
        self.worker: WorkerStatus | None = None
        self._thread = Guarded(self._run, name="sqs-event-writer")
        self._thread.start()

    def add(self, event: str, worker: str | None, fields: Mapping[str, Any]) -> None:
        """Have an event written.

        Args:
            event: a key of `celery_sqs.monitor.task_events.TASK_EVENTS`.
            worker: the name of the worker that sends it; None for a producer.
            fields: its fields.
        """
        if len(self._events) < MAX_EVENTS:
            self._events.append((event, time.time(), worker, fields))
        else:
            self._drop("too many events")

    def close(self, timeout: float) -> None:
        """Write what is waiting; gives up after so many seconds."""
        self._stopped.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopped.wait(self._pause()):
            self._flush(heartbeat=time.monotonic() - self._heartbeat_at >= HEARTBEAT)
        self._flush(heartbeat=True)

    def _pause(self) -> float:
        return LINGER + (pause(self._failures, FIRST_PAUSE, LONGEST_PAUSE) if self._failures else 0)

    def _flush(self, *, heartbeat: bool) -> None:
        self._collect()
        worker = self.worker.row(self._dropped) if heartbeat and self.worker is not None else None
        if self._rows or worker is not None:
            self._try_write(worker)

    def _try_write(self, worker: Row | None) -> None:
        try:
            self._write(worker)
        # Whatever a database driver raises: the next time it may not.
        except Exception as error:
            self._failures += 1
            self._healthy_since = float("inf")
            cause = error.args[0] if error.args else ""
            self._outage_log.warning(f"{len(self._rows)} tasks; {type(error).__name__}: {cause}")
        else:
            self._failures = 0
            self._healthy_since = min(self._healthy_since, time.monotonic())

    def _write(self, worker: Row | None) -> None:
        self._store.write(list(self._rows.values()), self._counts, worker)
        self._rows.clear()
        self._counts.clear()
        if worker is not None:
            self._heartbeat_at = time.monotonic()
            self._clean_up()

    def _clean_up(self) -> None:
        """What some worker has to do, whichever: end the tasks of workers that are gone, and delete what is old."""
        now = time.monotonic()
        # After an outage all workers look dead until they have written their rows again.
        if now - self._healthy_since > DEAD_AFTER:
            self._store.mark_lost(datetime.now(UTC))
        if now - self._purged_at > random.uniform(PURGE_EVERY / 2, PURGE_EVERY):
            self._purged_at = now
            self._store.purge(datetime.now(UTC) - self._retention)

    def _collect(self) -> None:
        """Merge the events in the queue into one row for each task."""
        for _ in range(len(self._events)):
            try:
                self._merge(*self._events.popleft())
            # A malformed event must not end the thread, which writes all others.
            except Exception:
                logger.exception("a task event could not be read")

    def _merge(self, event: str, at: float, worker: str | None, fields: Mapping[str, Any]) -> None:
        new = to_row(event, at, worker, fields)
        old = self._rows.get(new["task_id"])
        if old is not None:
            self._rows[new["task_id"]] = merge(old, new)
        elif len(self._rows) < MAX_ROWS:
            self._rows[new["task_id"]] = new
        else:
            self._drop("too many tasks wait")
        self._count(event, at, fields)
        self._observe(event, at, fields)

    def _count(self, event: str, at: float, fields: Mapping[str, Any]) -> None:
        what = _COUNTED.get(event)
        if what is None:
            return
        name, sent_at = fields.get("name") or "", fields.get("sent_at")
        minute = datetime.fromtimestamp(at - at % 60, UTC)
        self._counts[minute, name, what] += 1
        if what == "succeeded" and sent_at is not None:
            self._counts[minute, name, bucket(at - sent_at)] += 1

    def _drop(self, reason: str) -> None:
        self._dropped += 1
        EVENTS_DROPPED.inc()
        self._overflow_log.warning(reason)
