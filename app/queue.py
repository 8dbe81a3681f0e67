"""The door to the queue, as the views see it."""

from collections.abc import Mapping
from typing import Protocol

import structlog
from celery import Celery

from celery_sqs import NotConfirmed, reachable, sqs_client
from celery_sqs.tracing import send_span, trace_id
from config.settings import Settings
from orders.order import Order
from orders.schema import to_message
from tasks.application import endpoint
from tasks.orders import PERSIST_ORDER


class NotQueued(Exception):
    """The queue did not confirm an order in time.

    It may be in the queue all the same. The same order may be sent again: it is stored once.
    """


class OrderQueue(Protocol):
    """Where accepted orders go."""

    def send(self, order: Order, request_id: str, trace: Mapping[str, str]) -> str:
        """Put an order into the queue; returns the task id once the queue has confirmed it.

        Args:
            order: the order.
            request_id: of the request that it came with.
            trace: the request's trace context; see `celery_sqs.tracing`.

        Raises:
            NotQueued: it has not, in time.
        """

    def reachable(self) -> bool:
        """Whether the queue answers."""


class CeleryQueue:
    """`persist_order` on SQS.

    Args:
        settings: where SQS is, and which queue.
        celery: the Celery application for these settings.
    """

    def __init__(self, settings: Settings, celery: Celery) -> None:
        self._persist_order = celery.tasks[PERSIST_ORDER]
        self._endpoint = endpoint(settings)
        self._url = settings.sqs_queue_url
        self._name = settings.queue_name
        self._traces = settings.otel_exporter_otlp_endpoint
        # Making it takes a tenth of a second, which the first order would wait for.
        sqs_client(self._endpoint)

    def send(self, order: Order, request_id: str, trace: Mapping[str, str]) -> str:
        """Publish the task. Request id and trace travel with it into the worker's logs."""
        try:
            if not self._traces:
                return self._call(order, request_id, trace)
            with send_span(self._traces, self._name, trace) as context:
                if context:
                    structlog.contextvars.bind_contextvars(trace_id=trace_id(context))
                return self._call(order, request_id, context)
        except NotConfirmed as error:
            raise NotQueued(str(error)) from error

    def _call(self, order: Order, request_id: str, trace: Mapping[str, str]) -> str:
        headers = {"request_id": request_id, **trace}
        return str(self._persist_order.apply_async((to_message(order),), headers=headers).id)

    def reachable(self) -> bool:
        """Ask SQS for an attribute of the queue."""
        return reachable(sqs_client(self._endpoint), self._url)
