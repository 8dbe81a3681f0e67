"""The feed: reports of tasks on their way into the tables. It never makes a task wait.

Whoever reports leaves the event in a queue in memory; one thread of each process joins those of half a second
into one statement. While the database is away they are kept, up to a limit, and what finds no room is counted.
"""

import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from celery_sqs.monitor.metrics import REPORTS_DROPPED
from celery_sqs.monitor.report import Row, bucket, merged, row
from celery_sqs.monitor.task_states import DEAD_AFTER, HEARTBEAT, CounterKey
from celery_sqs.monitor.worker import Worker
from celery_sqs.retry import pause
from celery_sqs.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

LINGER: Final = 0.5  # seconds that a report waits for others

MAX_EVENTS: Final = 50_000  # not looked at yet; several seconds' worth of a worker at its fastest
MAX_ROWS: Final = 20_000  # tasks whose reports wait for the database

FIRST_PAUSE: Final = 1.0  # seconds after a failed write, at the most; doubles from there
LONGEST_PAUSE: Final = 10.0  # seconds

PURGE_EVERY: Final = 60.0  # seconds between two looks for what is too old, at the most

#: What is counted for each minute, and under which name.
_COUNTED: Final = {
    "task-sent": "sent",
    "task-succeeded": "succeeded",
    "task-retried": "retried",
    "task-failed": "failed",
}

#: Told of each event: its name, when it was in seconds since the epoch, and its fields.
Observer = Callable[[str, float, Mapping[str, Any]], None]


class Sink(Protocol):
    """Where reports go: see `celery_sqs.monitor.task_states.TaskStates`."""

    def write(self, rows: list[Row], counts: Counter[CounterKey], worker: Row | None = None) -> None:
        """Keep them."""

    def mark_lost(self, now: datetime) -> int:
        """Close what nobody else will."""

    def purge(self, before: datetime) -> int:
        """Forget some of what is old; says how much."""


class Nowhere:
    """Where reports go that nobody wants to keep: they are counted for metrics, and no more."""

    def write(self, rows: list[Row], counts: Counter[CounterKey], worker: Row | None = None) -> None:
        """Keep nothing."""

    def mark_lost(self, now: datetime) -> int:
        """Close nothing."""
        return 0

    def purge(self, before: datetime) -> int:
        """Forget nothing."""
        return 0


class EventWriter:
    """Takes events from any thread and writes them from its own.

    Args:
        sink: where to.
        retention: how long reports are kept.
        observe: told of each event, too.

    Attributes:
        worker: what this process tells of itself, if it is a worker.
    """

    def __init__(self, sink: Sink, retention: timedelta, observe: Observer = lambda *_: None) -> None:
        self._sink = sink
        self._retention = retention
        self._observe = observe
        self._events: deque[tuple[str, float, str | None, Mapping[str, Any]]] = deque()
        self._rows: dict[str, Row] = {}
        self._counts: Counter[CounterKey] = Counter()
        self._failures = 0
        self._well_since = float("inf")
        self._signed_at = self._purged_at = float("-inf")
        self._stopped = threading.Event()
        self._away = ThrottledLog(logger, "reports of tasks wait for the database")
        self._full = ThrottledLog(logger, "reports of tasks found no room")
        self._dropped = 0
        self.worker: Worker | None = None
        self._thread = threading.Thread(target=self._run, name="task-feed", daemon=True)
        self._thread.start()

    def take(self, event: str, worker: str | None, told: Mapping[str, Any]) -> None:
        """Take an event along; one of `celery_sqs.monitor.report.EVENTS`."""
        if len(self._events) < MAX_EVENTS:
            self._events.append((event, time.time(), worker, told))
        else:
            self._drop("too many events")

    def close(self, timeout: float) -> None:
        """Write what is waiting; gives up after so many seconds."""
        self._stopped.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopped.wait(self._pause()):
            self._flush(sign=time.monotonic() - self._signed_at >= HEARTBEAT)
        self._flush(sign=True)

    def _pause(self) -> float:
        return LINGER + (pause(self._failures, FIRST_PAUSE, LONGEST_PAUSE) if self._failures else 0)

    def _flush(self, *, sign: bool) -> None:
        self._collect()
        worker = self.worker.row(self._dropped) if sign and self.worker is not None else None
        if self._rows or worker is not None:
            self._attempt(self._write, worker)

    def _attempt(self, work: Callable[..., None], *args: Any) -> None:
        try:
            work(*args)
        # Whatever a database driver raises: the next time it may not.
        except Exception as error:
            self._failures += 1
            self._well_since = float("inf")
            self._away.warning(
                f"{len(self._rows)} tasks; {type(error).__name__}: {error.args[0] if error.args else ''}"
            )
        else:
            self._failures = 0
            self._well_since = min(self._well_since, time.monotonic())

    def _write(self, worker: Row | None) -> None:
        self._sink.write(list(self._rows.values()), self._counts, worker)
        self._rows.clear()
        self._counts.clear()
        if worker is not None:
            self._signed_at = time.monotonic()
            self._tidy()

    def _tidy(self) -> None:
        """What no process has to do by itself, but some worker has to: close what is lost, forget what is old."""
        now = time.monotonic()
        # After an outage all workers look dead until they have told that they are not.
        if now - self._well_since > DEAD_AFTER:
            self._sink.mark_lost(datetime.now(UTC))
        if now - self._purged_at > random.uniform(PURGE_EVERY / 2, PURGE_EVERY):
            self._purged_at = now
            self._sink.purge(datetime.now(UTC) - self._retention)

    def _collect(self) -> None:
        """Join the events that wait into one row for each task."""
        for _ in range(len(self._events)):
            try:
                self._join(*self._events.popleft())
            # What somebody has reported must not end the thread: nobody would write the next one.
            except Exception:
                logger.exception("a report of a task could not be read")

    def _join(self, event: str, at: float, worker: str | None, told: Mapping[str, Any]) -> None:
        new = row(event, at, worker, told)
        old = self._rows.get(new["task_id"])
        if old is not None:
            self._rows[new["task_id"]] = merged(old, new)
        elif len(self._rows) < MAX_ROWS:
            self._rows[new["task_id"]] = new
        else:
            self._drop("too many tasks wait")
        self._count(event, at, told)
        self._observe(event, at, told)

    def _count(self, event: str, at: float, told: Mapping[str, Any]) -> None:
        what = _COUNTED.get(event)
        if what is None:
            return
        name, sent_at = told.get("name") or "", told.get("sent_at")
        minute = datetime.fromtimestamp(at - at % 60, UTC)
        self._counts[minute, name, what] += 1
        if what == "succeeded" and sent_at is not None:
            self._counts[minute, name, bucket(at - sent_at)] += 1

    def _drop(self, why: str) -> None:
        self._dropped += 1
        REPORTS_DROPPED.inc()
        self._full.warning(why)
