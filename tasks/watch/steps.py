"""What ties a worker to the feed."""

from typing import Any, Final

from celery import bootsteps, current_app, signals

from tasks.sqs.request import SQSRequest
from tasks.watch.dispatcher import FeedDispatcher, feed

#: Seconds that the last reports get at a worker's end.
CLOSE_TIMEOUT: Final = 3.0


class Watching(bootsteps.StartStopStep):
    """Tells the feed what the worker receives and holds."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Begin to tell."""
        signals.task_received.connect(_received, weak=False, dispatch_uid=__name__)
        dispatcher = parent.event_dispatcher
        if isinstance(dispatcher, FeedDispatcher) and dispatcher.enabled:
            dispatcher.worker.vitals = parent.task_consumer.channel.vitals
            signals.worker_shutdown.connect(_close, weak=False, dispatch_uid=__name__)


def _received(sender: Any, request: Any, **_: Any) -> None:
    """Celery's signal for a call that has come: told before it is planned, run or held."""
    if isinstance(request, SQSRequest):
        request.send_event(
            "task-received",
            args=request.argsrepr,
            kwargs=request.kwargsrepr,
            subject=request.task.subject(*request.args, **request.kwargs),
        )


def _close(**_: Any) -> None:
    """Celery's signal at the very end, when the pool has told all."""
    feed(current_app).close(CLOSE_TIMEOUT)
