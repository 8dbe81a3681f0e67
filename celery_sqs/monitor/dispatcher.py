"""Celery's hooks for events: they give each event of a task, a worker or a producer to the process's event writer.

`Celery(events="celery_sqs.monitor.dispatcher:Events")`. Celery's own dispatcher publishes to an exchange, which SQS
does not have: https://docs.celeryq.dev/en/stable/userguide/monitoring.html#events
"""

import atexit
from typing import Any, Final

from celery import current_app
from celery.app.events import Events as CeleryEvents
from celery.events import EventDispatcher

from celery_sqs.message.protocol1 import of_published
from celery_sqs.monitor.engine import Database, make_engine
from celery_sqs.monitor.event_writer import EventWriter, NullStore
from celery_sqs.monitor.metrics import count
from celery_sqs.monitor.task_events import TASK_EVENTS
from celery_sqs.monitor.task_states import TaskStates
from celery_sqs.monitor.worker_status import WORKER_EVENTS, WorkerStatus
from celery_sqs.per_process import per_process
from celery_sqs.tasks.task import SQSTask

#: Seconds that the end of a process waits until the last events are written.
CLOSE_TIMEOUT: Final = 3.0


class Events(CeleryEvents):
    """`app.events`, with our dispatcher."""

    dispatcher_cls = "celery_sqs.monitor.dispatcher:TaskEventDispatcher"


class TaskEventDispatcher(EventDispatcher):
    """Gives events to the process's event writer.

    Attributes:
        worker: the status of this worker.
    """

    def enable(self) -> None:
        """Accept events from now on."""
        self._writer = event_writer(self.app)
        self.worker = self._writer.worker = WorkerStatus(self.hostname)
        self.enabled = True

    def disable(self) -> None:
        """Nothing: events of the pool after the consumer's end are written, too."""

    def send(self, type: str, *_: Any, **fields: Any) -> None:  # noqa: A002  # Celery's name
        """Give an event to the writer, if the tables have a place for it.

        Celery's task-received has none: `celery_sqs.monitor.steps` sends one with what SQS says of the message.
        """
        if not self.enabled:
            return
        if type in WORKER_EVENTS:
            self.worker.update(type, fields)
        elif type == "task-rejected" and fields.get("requeue"):
            self._writer.add("task-requeued", self.hostname, fields)
        elif type in TASK_EVENTS and (type != "task-received" or "message_id" in fields):
            self._writer.add(type, self.hostname, fields)

    def publish(self, type: str, fields: dict[str, Any], *_: Any, **__: Any) -> None:  # noqa: A002
        """Send an event that Celery has put together itself."""
        self.send(type, **fields)

    def flush(self, errors: bool = True, groups: bool = True) -> None:
        """Nothing: the writer has a thread of its own."""

    def extend_buffer(self, other: EventDispatcher) -> None:
        """Nothing: all dispatchers of a process have one writer."""

    def close(self) -> None:
        """Nothing: see `disable`."""


def record_sent(sender: str, headers: dict[str, Any], body: Any, **_: Any) -> None:
    """Write that a call was sent: a receiver of Celery's signal `after_task_publish`, in the producer's process.

    `after_task_publish.connect(record_sent, weak=False)`. The signal comes once SQS has confirmed the message.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the stubs lack it
    task = app.tasks.get(sender)
    if isinstance(task, SQSTask):
        task_id, args, kwargs = of_published(headers, body)
        subject = task.subject(*args, **kwargs)
        event_writer(app).add("task-sent", None, {"uuid": task_id, "name": sender, "subject": subject})


@per_process
def event_writer(app: Any) -> EventWriter:
    """The process's event writer, by an app's settings `sqs_monitor_database` and `sqs_monitor_events`."""
    return _make_writer(app.conf.sqs_monitor_database, app.conf.sqs_monitor_events)


@per_process
def _make_writer(database: Database, stores_events: bool) -> EventWriter:
    store = TaskStates(make_engine(database)) if stores_events else NullStore()
    writer = EventWriter(store, count)
    # Celery's signal for a worker's end comes before the channel runs what it must not release.
    atexit.register(writer.close, CLOSE_TIMEOUT)
    return writer
