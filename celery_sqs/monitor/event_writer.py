"""Writes events into the tables without making a task wait.

Whoever sends an event leaves it in a queue in memory. One thread of each process merges those of half a second into one
statement. While the database is away they are kept, up to a limit. What finds no room, and what the database refuses,
is dropped and counted; all else is written.
"""

import functools
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from celery_sqs import system
from celery_sqs.database.columns import MAX_NAME, storable
from celery_sqs.monitor.metrics import EVENTS_DROPPED, NO_ROOM, REFUSED, UNREADABLE, counted_task
from celery_sqs.monitor.refusals import Change, Refusals, Store, describe_cause
from celery_sqs.monitor.task_events import Row, bucket, follow, merge, to_row
from celery_sqs.monitor.task_states import CounterKey
from celery_sqs.monitor.worker_status import HEARTBEAT, WorkerStatus
from celery_sqs.retry import pause
from celery_sqs.threads import Guarded
from celery_sqs.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

LINGER: Final = 0.5  # seconds that an event waits for others

MAX_EVENTS: Final = 50_000  # in the queue; several seconds' worth of a worker at its fastest
MAX_ROWS: Final = 20_000  # tasks whose events wait for the database

FIRST_PAUSE: Final = 1.0  # seconds after a failed write, at the most; doubles from there
LONGEST_PAUSE: Final = 10.0  # seconds

#: Seconds that the end of a process waits for a database that is away. One that is back takes less.
LAST_TRY: Final = 0.5

#: The events that are counted for each minute, and the names of the counts.
_COUNTED: Final = {
    "task-sent": "sent",
    "task-succeeded": "succeeded",
    "task-retried": "retried",
    "task-failed": "failed",
}

#: Called with each event: its name, when it was sent in seconds since the epoch, and its fields.
Observer = Callable[[str, float, Mapping[str, Any]], None]


class NullStore:
    """The store of a process that only counts events for metrics."""

    def write(self, rows: Sequence[Row], counts: Counter[CounterKey], worker: Row | None = None) -> None:
        """Write nothing."""

    def can_write(self) -> bool:
        """Whether nothing can be written."""
        return True


class EventWriter:
    """Takes events from any thread and writes them from its own.

    Args:
        store: where to.
        observe: is called with each event, too.

    Attributes:
        worker: the status to write every `HEARTBEAT` seconds; None in a process that is no worker.
    """

    def __init__(self, store: Store, observe: Observer = lambda *_: None) -> None:
        self._store = store
        self._refusals = Refusals(store)
        self._observe = observe
        self._events: deque[tuple[str, float, str | None, Mapping[str, Any]]] = deque()
        self._rows: dict[str, Row] = {}
        self._counts: Counter[CounterKey] = Counter()
        self._failures = 0
        self._trying_since: float | None = None  # when the first of these writes began that have not succeeded
        self._heartbeat_at = float("-inf")
        self._stopped = system.threading.Event()
        self._outage_log = ThrottledLog(logger, "task events wait for the database")
        self._overflow_log = ThrottledLog(logger, "task events found no room")
        self._unreadable_log = ThrottledLog(logger, "task events could not be read, and are dropped")
        self._refused_log = ThrottledLog(logger, "the database refuses what task events say, and it is dropped")
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
            self._events.append((event, system.time.time(), worker, fields))
        else:
            self._drop_for_room("too many events")

    def close(self, timeout: float) -> None:
        """Write what is waiting; gives up after so many seconds, which may be over already in an outage."""
        self._stopped.set()
        waited = system.time.monotonic() - self._trying_since if self._trying_since else 0.0
        self._thread.join(max(LAST_TRY, timeout - waited))

    def _run(self) -> None:
        while not self._stopped.wait(self._pause()):
            self._flush(heartbeat=system.time.monotonic() - self._heartbeat_at >= HEARTBEAT)
        self._flush(heartbeat=True)

    def _pause(self) -> float:
        return LINGER + (pause(self._failures, FIRST_PAUSE, LONGEST_PAUSE) if self._failures else 0)

    def _flush(self, *, heartbeat: bool) -> None:
        self._collect()
        worker = self.worker.row(self._dropped) if heartbeat and self.worker is not None else None
        if self._rows or self._counts or worker is not None:
            self._try_write(worker)

    def _try_write(self, worker: Row | None) -> None:
        self._trying_since = self._trying_since or system.time.monotonic()
        try:
            self._write(worker)
        # Whatever a database driver raises: the next time it may not.
        except Exception as error:
            self._failures += 1
            self._outage_log.warning(f"{len(self._rows)} tasks; {describe_cause(error)}")
        else:
            self._failures, self._trying_since = 0, None

    def _write(self, worker: Row | None) -> None:
        try:
            self._store.write(list(self._rows.values()), self._counts, worker)
        # A refusal differs from an outage in what can be written at this moment.
        except Exception:
            if not self._store.can_write():
                raise
            self._refusals.write(self._changes(worker), self._discard, self._refuse)
        else:
            self._rows.clear()
            self._counts.clear()
            if worker is not None:
                self._heartbeat_at = system.time.monotonic()

    def _changes(self, worker: Row | None) -> list[Change]:
        """What waits to be written, a worker's own row first."""
        return [
            *([Change("workers", worker["name"], worker)] if worker is not None else ()),
            *(Change("task_state", task_id, row) for task_id, row in self._rows.items()),
            *(Change("task_minutes", key, count) for key, count in self._counts.items()),
        ]

    def _discard(self, changes: Sequence[Change]) -> None:
        """Keep no longer what is written, or refused."""
        for change in changes:
            match change.table:
                case "task_state":
                    del self._rows[change.key]
                case "task_minutes":
                    del self._counts[change.key]
                case _:
                    self._heartbeat_at = system.time.monotonic()

    def _refuse(self, change: Change, error: Exception) -> None:
        self._discard([change])
        self._drop(REFUSED)
        self._refused_log.warning(f"{change.table} {change.key!r}; {describe_cause(error)}")

    def _collect(self) -> None:
        """Merge the events in the queue into one row for each task."""
        for _ in range(len(self._events)):
            event, at, worker, fields = self._events.popleft()
            try:
                self._merge(event, at, worker, fields)
            # A malformed event must not end the thread, which writes all others.
            except Exception as error:
                self._drop(UNREADABLE)
                self._unreadable_log.warning(f"{event} of {str(fields.get('uuid'))[:MAX_NAME]!r}; {error!r}")

    def _merge(self, event: str, at: float, worker: str | None, fields: Mapping[str, Any]) -> None:
        known = self._rows.get(fields["uuid"])
        if known is None or not follow(known, event, at, worker, fields):
            self._merge_row(to_row(event, at, worker, fields))
        self._count(event, at, fields)
        self._observe(event, at, fields)

    def _merge_row(self, new: Row) -> None:
        old = self._rows.get(new["task_id"])
        if old is not None:
            self._rows[new["task_id"]] = merge(old, new)
        elif len(self._rows) < MAX_ROWS:
            self._rows[new["task_id"]] = new
        else:
            self._drop_for_room("too many tasks wait")

    def _count(self, event: str, at: float, fields: Mapping[str, Any]) -> None:
        what = _COUNTED.get(event)
        if what is None:
            return
        name, sent_at = storable(counted_task(fields)[:MAX_NAME]), fields.get("sent_at")
        minute = _minute(at // 60)
        self._counts[minute, name, what] += 1
        if what == "succeeded" and sent_at is not None:
            self._counts[minute, name, bucket(at - sent_at)] += 1

    def _drop_for_room(self, which: str) -> None:
        self._drop(NO_ROOM)
        self._overflow_log.warning(which)

    def _drop(self, reason: str) -> None:
        self._dropped += 1
        EVENTS_DROPPED[reason].inc()


# An instant works its hash out once, which takes longer than all else that is done to count.
@functools.lru_cache(maxsize=16)
def _minute(number: float) -> datetime:
    """A minute, by its number since the epoch."""
    return datetime.fromtimestamp(number * 60, UTC)
