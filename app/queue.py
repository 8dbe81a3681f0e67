"""The door to the queue, as the views see it."""

from typing import Protocol

from config.settings import Settings
from orders.order import Order
from orders.schema import to_message
from tasks.application import create_celery, endpoint
from tasks.orders import PERSIST_ORDER
from tasks.sqs.clients import client, reachable


class OrderQueue(Protocol):
    """Where accepted orders go."""

    def send(self, order: Order, request_id: str) -> str:
        """Put an order into the queue; returns the task id once the queue has confirmed it.

        Raises:
            tasks.sqs.errors.NotConfirmed: it has not, in time.
        """

    def reachable(self) -> bool:
        """Whether the queue answers."""


class CeleryQueue:
    """`persist_order` on SQS."""

    def __init__(self, settings: Settings) -> None:
        self._celery = create_celery(settings)
        self._endpoint = endpoint(settings)
        self._url = settings.sqs_queue_url
        # Making it takes a tenth of a second, which the first order would wait for.
        client(self._endpoint)

    def send(self, order: Order, request_id: str) -> str:
        """Publish the task. The request id travels with it into the worker's logs."""
        task = self._celery.tasks[PERSIST_ORDER]
        result = task.apply_async((to_message(order),), headers={"request_id": request_id})
        return str(result.id)

    def reachable(self) -> bool:
        """Ask SQS for an attribute of the queue."""
        return reachable(client(self._endpoint), self._url)
