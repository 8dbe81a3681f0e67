"""Flower on our tables: the package itself is as it is published, but for what `REPLACED` lists.

`flowerconfig.py` installs it. Flower's own /metrics and /healthcheck answer without credentials, as in any Flower.
"""

import asyncio
import logging
import pkgutil
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from celery import current_app
from flower import events
from sqlalchemy import Engine, select
from tornado.web import HTTPError

from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.endpoint import sqs_client
from celery_sqs.errors import CallFailed
from celery_sqs.monitor.connection_guard import ConnectionGuard
from celery_sqs.monitor.engine import engine_of
from celery_sqs.monitor.event_reader import EventReader, TaskRow, WorkerRow
from celery_sqs.monitor.replay import task_events, worker_events
from celery_sqs.monitor.report import PENDING, UNFINISHED
from celery_sqs.monitor.tables import task_state
from celery_sqs.settings import Settings
from celery_sqs.throttled_log import ThrottledLog

if TYPE_CHECKING:
    pass

logger = logging.getLogger(__name__)

LOOK: Final = 1.0  # seconds between two looks into the tables, once nothing is left to catch up with

PAGE: Final = 2000  # tasks read at once
SLICE: Final = 100  # tasks told at once; requests are answered in between

#: Rows are read again for so long, as one that was written down earlier may be committed later.
OVERLAP: Final = timedelta(seconds=10)

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Unmeasured:
    """Takes the place of Flower's Prometheus metrics while it is told of what is long over.

    A counter that grows by all of the past each time Flower starts would say that all of it happened just then.
    """

    def observe_task(self, worker: str, event: dict[str, Any], task: Any) -> None:
        """Count nothing."""


class Events(events.Events):
    """Flower's thread that listens to events: here it reads them off the tables.

    Whatever Flower has shown is in `task_state`, so it is there again when Flower has been started anew.
    """

    def __init__(self, capp: Any, io_loop: Any, **kwargs: Any) -> None:
        super().__init__(capp, io_loop, **kwargs)
        self._engine = engine_of(capp)
        self._watch = EventReader(self._engine)
        self._since: datetime | None = None
        self._limit = PAGE
        self._is_past = True
        self._contact = ConnectionGuard(logger, "news of tasks and workers")
        self._odd = ThrottledLog(logger, "Flower cannot take in a task")

    def run(self) -> None:
        """Endlessly bring Flower up to date."""
        while True:
            is_behind = False
            with self._contact.kept():
                is_behind = self._catch_up()
            if not is_behind:
                time.sleep(LOOK)

    def _catch_up(self) -> bool:
        """Tell the news, up to a page of it; says whether there is more right now."""
        if self._since is None:
            self._since = _changed_at_of_newest(self._engine, self.state.max_tasks_in_memory)
        self._on_loop(self._tell_workers, self._watch.workers())
        rows = self._watch.changed_since(self._since, self._limit)
        for start in range(0, len(rows), SLICE):
            self._on_loop(self._tell_tasks, rows[start : start + SLICE])
        if len(rows) == self._limit:
            last = rows[-1].changed_at
            # More tasks than fit may have changed at one instant.
            self._limit = self._limit * 2 if last == self._since else PAGE
            self._since = last
            return True
        self._limit = PAGE
        self._is_past = False
        if rows:
            # The clock of a worker that is ahead does not hide what the others report.
            self._since = min(rows[-1].changed_at, datetime.now(UTC)) - OVERLAP
        return False

    def _on_loop(self, tell: Callable[[Sequence[Any]], None], rows: Sequence[Any]) -> None:
        """Have rows told on Flower's event loop, where all of its state is kept, and wait for that."""
        told = threading.Event()

        def call() -> None:
            try:
                tell(rows)
            finally:
                told.set()

        self.io_loop.add_callback(call)
        told.wait()

    def _tell_workers(self, rows: Sequence[WorkerRow]) -> None:
        now = datetime.now(UTC)
        for row in rows:
            for event in worker_events(row, self.state.workers.get(row.name), now):
                self.state.event(event)

    def _tell_tasks(self, rows: Sequence[TaskRow]) -> None:
        metrics = self.state.metrics
        for row in rows:
            if self._is_past and row.state not in UNFINISHED:
                self.state.metrics = Unmeasured()
            try:
                self._tell_task(row)
            # Flower parses what the messages hold. One that it cannot parse must not hide the others.
            except Exception as error:
                self._odd.warning(f"{row.task_id}: {error!r}")
            finally:
                self.state.metrics = metrics

    def _tell_task(self, row: TaskRow) -> None:
        known = self.state.tasks.get(row.task_id)
        news = task_events(row, known)
        if news and known is not None:
            # Celery's precedence of states is for events that overtake each other. A row is always the latest,
            # also where a task has failed, was redriven and is run once more.
            known.state = PENDING
        for event in news:
            self.state.event(event)


class Broker:
    """Flower's view of the queues: the work queue and its DLQ, as SQS counts their messages."""

    def __init__(self, broker_url: str, *, broker_options: dict[str, Any], **_: Any) -> None:
        settings = Settings.of(current_app.conf)
        self._endpoint = settings.endpoint
        self._urls = [url for queue in settings.queues.values() for url in (queue.url, queue.dlq_url) if url]

    async def queues(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """A line for each queue.

        Args:
            names: what Flower has learnt from the workers; the settings know better.

        Raises:
            HTTPError: SQS does not answer: 503.
        """
        return await asyncio.to_thread(self._lengths)

    def _lengths(self) -> list[dict[str, Any]]:
        try:
            return [_length(sqs_client(self._endpoint), url) for url in self._urls]
        except CallFailed as error:
            raise HTTPError(503, f"SQS does not tell how long the queues are: {error}") from error


def _broker_uri(site: Any) -> str:
    """Where the queues are. kombu would spell out the name of our transport class."""
    [queue, *_] = Settings.of(site.capp.conf).queues.values()
    return queue.url.rpartition("/")[0]


#: What of Flower's is replaced, checked against Flower 2.2.0.
REPLACED: Final = {
    "flower.app.Events": Events,
    "flower.app.Flower.broker_uri": property(_broker_uri),
    "flower.views.Broker": Broker,
}

_COUNTS: Final = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
]


def install() -> None:
    """Have Flower use our tables and queues. It looks these names up when it starts."""
    for name, ours in REPLACED.items():
        owner, _, attribute = name.rpartition(".")
        setattr(pkgutil.resolve_name(owner), attribute, ours)


def _length(sqs: SqsClient, url: str) -> dict[str, Any]:
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)["Attributes"]
    visible, delayed, in_flight = (int(counted.get(name, 0)) for name in _COUNTS)
    return {
        "name": url.rsplit("/", 1)[-1],
        "messages": visible + delayed + in_flight,
        "messages_ready": visible,
        "messages_unacknowledged": in_flight,
    }


def _changed_at_of_newest(engine: Engine, count: int) -> datetime:
    """Since when that many tasks have changed."""
    query = select(task_state.c.changed_at).order_by(task_state.c.changed_at.desc()).offset(count - 1).limit(1)
    with engine.connect() as connection:
        return connection.execute(query).scalar() or _LONG_AGO
