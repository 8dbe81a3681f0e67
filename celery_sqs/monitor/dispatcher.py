"""Celery's hook for events: all that a worker tells of its tasks and of itself passes through here.

`Celery(events="celery_sqs.monitor.dispatcher:Events")`. Celery's own dispatcher publishes to an exchange, which SQS
does not have: https://docs.celeryq.dev/en/stable/userguide/monitoring.html#events
"""

import atexit
from datetime import timedelta
from typing import Any, Final

from celery.app.events import Events as CeleryEvents
from celery.events import EventDispatcher

from celery_sqs.monitor.engine import Database, make_engine
from celery_sqs.monitor.event_writer import EventWriter, Nowhere
from celery_sqs.monitor.metrics import count
from celery_sqs.monitor.report import EVENTS
from celery_sqs.monitor.task_states import TaskStates
from celery_sqs.monitor.worker import SIGNS, Worker
from celery_sqs.per_process import per_process

#: Seconds that the last reports get at a process's end.
CLOSE_TIMEOUT: Final = 3.0


class Events(CeleryEvents):
    """`app.events`, with our dispatcher."""

    dispatcher_cls = "celery_sqs.monitor.dispatcher:TaskEventDispatcher"


class TaskEventDispatcher(EventDispatcher):
    """Gives events to the process's feed.

    Attributes:
        worker: what this worker tells of itself.
    """

    def enable(self) -> None:
        """Take events from now on."""
        self._feed = feed(self.app)
        self.worker = self._feed.worker = Worker(self.hostname)
        self.enabled = True

    def disable(self) -> None:
        """Nothing: what the pool tells when the consumer has gone is to be kept, too."""

    def send(self, type: str, *_: Any, **fields: Any) -> None:  # noqa: A002  # Celery's name
        """Take an event along, if there is a place for it.

        Celery's task-received has none: `celery_sqs.monitor.steps` tells of it with what SQS says of the message.
        """
        if not self.enabled:
            return
        if type in SIGNS:
            self.worker.say(type, fields)
        elif type == "task-rejected" and fields.get("requeue"):
            self._feed.take("task-requeued", self.hostname, fields)
        elif type in EVENTS and (type != "task-received" or "message_id" in fields):
            self._feed.take(type, self.hostname, fields)

    def publish(self, type: str, fields: dict[str, Any], *_: Any, **__: Any) -> None:  # noqa: A002
        """Take an event along that Celery has put together itself."""
        self.send(type, **fields)

    def flush(self, errors: bool = True, groups: bool = True) -> None:
        """Nothing: the feed has a thread of its own."""

    def extend_buffer(self, other: EventDispatcher) -> None:
        """Nothing: all dispatchers of a process have one feed."""

    def close(self) -> None:
        """Nothing: see `disable`."""


@per_process
def feed(app: Any) -> EventWriter:
    """The process's event writer, by an app's settings `sqs_monitor_database`, `..._events`, `..._retention_days`."""
    conf = app.conf
    return _feed(conf.sqs_monitor_database, conf.sqs_monitor_events, conf.sqs_monitor_retention_days)


@per_process
def _feed(database: Database, records_events: bool, retention_days: int) -> EventWriter:
    sink = TaskStates(make_engine(database)) if records_events else Nowhere()
    made = EventWriter(sink, timedelta(days=retention_days), count)
    # Celery's signal for a worker's end comes before the channel runs what it must not give back.
    atexit.register(made.close, CLOSE_TIMEOUT)
    return made
