"""Celery's hook for events: all that a worker tells of its tasks and of itself passes through here.

`Celery(events="tasks.watch.dispatcher:Events")`. Celery's own dispatcher publishes to an exchange, which SQS does
not have: https://docs.celeryq.dev/en/stable/userguide/monitoring.html#events
"""

import atexit
from datetime import timedelta
from typing import Any, Final

from celery.app.events import Events as CeleryEvents
from celery.events import EventDispatcher

from orders.database import connect
from tasks.sqs.per_process import per_process
from tasks.watch.feed import Feed, Nowhere
from tasks.watch.metrics import count
from tasks.watch.report import EVENTS
from tasks.watch.states import TaskStates
from tasks.watch.worker import SIGNS, Worker

#: Seconds that the last reports get at a process's end.
CLOSE_TIMEOUT: Final = 3.0


class Events(CeleryEvents):
    """`app.events`, with our dispatcher."""

    dispatcher_cls = "tasks.watch.dispatcher:FeedDispatcher"


class FeedDispatcher(EventDispatcher):
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

        Celery's task-received has none: `tasks.watch.steps` tells of it with what SQS says of the message.
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
def feed(app: Any) -> Feed:
    """The process's feed, by the settings `database_url`, `task_events` and `task_retention_days` of a Celery app."""
    return _feed(app.conf.database_url, app.conf.task_events, app.conf.task_retention_days)


@per_process
def _feed(database_url: str, task_events: bool, retention_days: int) -> Feed:
    sink = TaskStates(connect(database_url)) if task_events else Nowhere()
    made = Feed(sink, timedelta(days=retention_days), count)
    # Celery's signal for a worker's end comes before the channel runs what it must not give back.
    atexit.register(made.close, CLOSE_TIMEOUT)
    return made
