"""What a worker does with a message for a task that is no batch task: Celery's own strategy, and a note of it."""

from collections.abc import Callable
from typing import Any

from celery.worker import state
from celery.worker.strategy import default

from celery_sqs.tasks.revocations import is_revoked, revocations
from celery_sqs.worker.request import SQSRequest


def strategy(task: Any, app: Any, consumer: Any, **options: Any) -> Callable[..., Any]:
    """Celery's hook. What it takes begins as soon as a process is free, whatever waits to run alone meanwhile."""
    take = default(task, app, consumer, **options)

    def on_message(message: Any, body: Any, ack: Any, reject: Any, *args: Any, **kwargs: Any) -> Any:
        # Celery's own asks its set of ids alone here, and would keep what is not due until it is.
        is_candidate = (revocations or state.revoked_stamps) and is_revoked(message.headers)
        if is_candidate and SQSRequest.of(message, task, consumer, ack, reject).revoked():
            return None
        delivery = message.channel.in_flight.get(message.delivery_tag)
        if delivery is not None:
            delivery.is_submitted = True
        return take(message, body, ack, reject, *args, **kwargs)

    return on_message
