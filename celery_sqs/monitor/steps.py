"""What ties a worker to the feed."""

from typing import Any

from celery import bootsteps, signals

from celery_sqs.monitor.dispatcher import TaskEventDispatcher
from celery_sqs.worker.request import SQSRequest


class Watching(bootsteps.StartStopStep):
    """Tells the feed what the worker receives and holds."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Begin to tell."""
        signals.task_received.connect(_received, weak=False, dispatch_uid=__name__)
        dispatcher = parent.event_dispatcher
        if isinstance(dispatcher, TaskEventDispatcher) and dispatcher.enabled:
            dispatcher.worker.vitals = lambda: parent.health.report() if parent.health else {}


def _received(sender: Any, request: Any, **_: Any) -> None:
    """Celery's signal for a call that has come: told before it is planned, run or held."""
    if isinstance(request, SQSRequest):
        request.send_event(
            "task-received",
            args=request.argsrepr,
            kwargs=request.kwargsrepr,
            subject=request.task.subject(*request.args, **request.kwargs),
        )
