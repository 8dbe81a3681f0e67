"""The thread that keeps the monitor's tables in order, in the one worker that has the lock."""

import logging
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any, Final

from celery import Celery
from sqlalchemy import Engine

from celery_sqs import system
from celery_sqs.database.table_lock import TableLock
from celery_sqs.monitor.connection_guard import ConnectionGuard
from celery_sqs.monitor.housekeeping import housekeeping_due
from celery_sqs.monitor.housekeeping.closing import Closing, mark_lost
from celery_sqs.monitor.housekeeping.empty_queues import EmptyQueues
from celery_sqs.monitor.housekeeping.purge import purge
from celery_sqs.monitor.tables import housekeeping
from celery_sqs.monitor.worker_status import DEAD_AFTER

logger = logging.getLogger(__name__)

INTERVAL: Final = 5.0  # seconds between two rounds
HOSTS_INTERVAL: Final = 300.0  # seconds between two rounds of what a host has

#: How long the lock of a worker that was killed lasts: several batches of a purge on a slow database.
LOCKED_FOR: Final = timedelta(seconds=30)

RENEWED_EVERY: Final = 5.0  # seconds between two renewals of the lock within a round

NAME: Final = "monitor"  # of the lock


class Housekeeper:
    """Keeps the tables in order while it has the lock; another worker does while it has not.

    Args:
        app: the Celery app, with the settings `sqs_monitor_...`.
        engine: of the monitor's database, for this alone.
        interval: seconds between two rounds.
    """

    def __init__(self, app: Celery, engine: Engine, interval: float = INTERVAL) -> None:
        conf: Any = app.conf
        self._app = app
        self._engine = engine
        self._interval = interval
        self._retention = timedelta(days=conf.sqs_monitor_retention_days)
        self._lock = TableLock(engine, housekeeping, NAME, LOCKED_FOR)
        self._closing = Closing(engine, app, EmptyQueues(app))
        self._renewed_at = self._hosts_at = float("-inf")
        self._reachable_since = float("inf")
        self._guards = {
            work: ConnectionGuard(logger, work)
            for work in ("housekeeping", "lost tasks", "closing of tasks", "purging of old events")
        }
        self._stopped = system.threading.Event()
        self._thread = system.threading.Thread(target=self._run, name="sqs-housekeeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no further piece of work. It does not wait for the thread: the database may be away."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            with self._guards["housekeeping"].suppress_errors():
                self._round()
        with self._guards["housekeeping"].suppress_errors():
            self._lock.release()
        self._engine.dispose()  # a stopping worker needs the connection for something else

    def _round(self) -> None:
        try:
            is_ours = self._lock.acquire()
        except Exception:
            self._reachable_since = float("inf")
            raise
        now = self._renewed_at = system.time.monotonic()
        self._reachable_since = min(self._reachable_since, now)
        if not is_ours:
            return
        # After an outage all workers look dead until they have written their rows again.
        if now - self._reachable_since > DEAD_AFTER:
            self._try("lost tasks", lambda: mark_lost(self._engine, system.now(UTC)))
        self._try("closing of tasks", lambda: self._closing.run(self._keep_on))
        before = system.now(UTC) - self._retention
        self._try("purging of old events", lambda: purge(self._engine, before, self._keep_on))
        if now - self._hosts_at > HOSTS_INTERVAL:
            self._hosts_at = now
            housekeeping_due.send(sender=self._app, engine=self._engine, keep_on=self._keep_on)

    def _try(self, work: str, call: Callable[[], object]) -> None:
        """Do one piece of work. The others are done whether it fails or not."""
        with self._guards[work].suppress_errors():
            call()

    def _keep_on(self) -> bool:
        """Whether to go on: the worker is not stopping, and the lock is still ours."""
        if self._stopped.is_set():
            return False
        if system.time.monotonic() - self._renewed_at > RENEWED_EVERY:
            self._renewed_at = system.time.monotonic()
            return self._lock.acquire()
        return True
