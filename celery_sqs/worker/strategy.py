"""What a worker does with a message for a task that is no batch task: Celery's own strategy, and a note of it."""

from collections.abc import Callable
from typing import Any

from celery.worker.strategy import default


def strategy(task: Any, app: Any, consumer: Any, **options: Any) -> Callable[..., Any]:
    """Celery's hook. What it takes begins as soon as a process is free, whatever waits to run alone meanwhile."""
    take = default(task, app, consumer, **options)

    def on_message(message: Any, *args: Any, **kwargs: Any) -> Any:
        delivery = message.channel.in_flight.get(message.delivery_tag)
        if delivery is not None:
            delivery.is_submitted = True
        return take(message, *args, **kwargs)

    return on_message
