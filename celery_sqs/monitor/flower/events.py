"""Flower's event receiver: it reads the monitor's tables instead of a broker."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import flower.events
from sqlalchemy import Engine, select

from celery_sqs import system
from celery_sqs.monitor.connection_guard import ConnectionGuard
from celery_sqs.monitor.engine import engine_of
from celery_sqs.monitor.event_reader import EventReader, TaskRow, WorkerRow
from celery_sqs.monitor.flower.replay import replay_task, replay_worker
from celery_sqs.monitor.schema.completeness import require_tables
from celery_sqs.monitor.tables import task_state
from celery_sqs.monitor.task_events import PENDING, UNFINISHED
from celery_sqs.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

POLL_INTERVAL: Final = 1.0  # seconds between two reads of the tables, once there is nothing left to catch up with

PAGE: Final = 2000  # tasks of one query
SLICE: Final = 100  # tasks that are replayed before Flower may answer a request

#: Rows are read again for so long: a transaction may commit a row after one with a later `changed_at`.
OVERLAP: Final = timedelta(seconds=10)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NoMetrics:
    """In place of Flower's Prometheus metrics while tasks are replayed that ended before it started.

    Counted, all of the past would look as if it had happened at each start of Flower.
    """

    def observe_task(self, worker: str, event: dict[str, Any], task: Any) -> None:
        """Count nothing."""


class Events(flower.events.Events):
    """In place of Flower's thread that receives events.

    What Flower has shown is in `task_state`, so a restart of Flower loses nothing.
    """

    def __init__(self, capp: Any, io_loop: Any, **kwargs: Any) -> None:
        # Workers write events all the time: there is nothing that Flower has to ask them for, every few seconds.
        super().__init__(capp, io_loop, **{**kwargs, "enable_events": False})
        self._engine = engine_of(capp)
        require_tables(self._engine)
        self._reader = EventReader(self._engine)
        self._since: datetime | None = None
        self._limit = PAGE
        self._is_backfill = True
        self._guard = ConnectionGuard(logger, "updates of tasks and workers")
        self._unreadable = ThrottledLog(logger, "Flower cannot read a task")

    def run(self) -> None:
        """Endlessly bring Flower up to date."""
        while True:
            is_behind = False
            with self._guard.suppress_errors():
                is_behind = self._catch_up()
            if not is_behind:
                system.time.sleep(POLL_INTERVAL)

    def _catch_up(self) -> bool:
        """Replay what has changed, up to a page of it; returns whether there is more right now."""
        if self._since is None:
            self._since = _changed_at_of_newest(self._engine, self.state.max_tasks_in_memory)
        self._on_loop(self._replay_workers, self._reader.workers())
        rows = self._reader.changed_since(self._since, self._limit)
        for start in range(0, len(rows), SLICE):
            self._on_loop(self._replay_tasks, rows[start : start + SLICE])
        if len(rows) == self._limit:
            last = rows[-1].changed_at
            # More tasks than fit may have changed at one instant.
            self._limit = self._limit * 2 if last == self._since else PAGE
            self._since = last
            return True
        self._limit = PAGE
        self._is_backfill = False
        if rows:
            # A worker whose clock is ahead must not hide what the others write.
            self._since = min(rows[-1].changed_at, system.now(UTC)) - OVERLAP
        return False

    def _on_loop(self, replay: Callable[[Sequence[Any]], None], rows: Sequence[Any]) -> None:
        """Replay rows on Flower's event loop, where all of its state is changed, and wait for the end."""
        done = system.threading.Event()

        def call() -> None:
            try:
                replay(rows)
            finally:
                done.set()

        self.io_loop.add_callback(call)
        done.wait()

    def _replay_workers(self, rows: Sequence[WorkerRow]) -> None:
        now = system.now(UTC)
        for row in rows:
            for event in replay_worker(row, self.state.workers.get(row.name), now):
                self.state.event(event)

    def _replay_tasks(self, rows: Sequence[TaskRow]) -> None:
        metrics = self.state.metrics
        for row in rows:
            if self._is_backfill and row.state not in UNFINISHED:
                self.state.metrics = NoMetrics()
            try:
                self._replay_task(row)
            # Flower parses what is in the messages. One that it cannot parse must not hide the others.
            except Exception as error:
                self._unreadable.warning(f"{row.task_id}: {error!r}")
            finally:
                self.state.metrics = metrics

    def _replay_task(self, row: TaskRow) -> None:
        known = self.state.tasks.get(row.task_id)
        events = replay_task(row, known)
        if events and known is not None:
            # Celery's precedence of states is for events that overtake each other. A row is always the latest,
            # also where a task has failed, was redriven and is run once more.
            known.state = PENDING
        for event in events:
            self.state.event(event)


def _changed_at_of_newest(engine: Engine, count: int) -> datetime:
    """The instant since which `count` tasks have changed."""
    query = select(task_state.c.changed_at).order_by(task_state.c.changed_at.desc()).offset(count - 1).limit(1)
    with engine.connect() as connection:
        return connection.execute(query).scalar() or _EPOCH
