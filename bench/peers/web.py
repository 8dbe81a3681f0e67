"""The project's own web application with another queue behind it; everything else is equal."""

from flask import Flask

from app import create_app
from bench.peers.plain_celery import make_app
from config.settings import Settings, boot
from orders.order import Order
from orders.schema import to_message


class DelayQueue:
    """Plain Celery's `.delay()` on kombu's own SQS transport."""

    def __init__(self, settings: Settings) -> None:
        # With Celery's ten connections the threads would wait for each other, so each gets one.
        self._celery = make_app(
            settings.sqs_endpoint or "", settings.sqs_queue_url, tuned=False, pool_limit=settings.web_connections
        )

    def send(self, order: Order, request_id: str) -> str:
        """Publish the task."""
        return str(self._celery.tasks["persist_order"].delay(to_message(order)).id)

    def reachable(self) -> bool:
        """Claim that it answers."""
        return True


class NoQueue:
    """Takes every order at once and forgets it: what Flask alone can do."""

    def send(self, order: Order, request_id: str) -> str:
        """Do nothing."""
        return request_id

    def reachable(self) -> bool:
        """Claim that it answers."""
        return True


def plain_celery() -> Flask:
    """The application with `DelayQueue`."""
    settings = boot()
    return create_app(settings, queue=DelayQueue(settings))


def no_queue() -> Flask:
    """The application with `NoQueue`."""
    return create_app(queue=NoQueue())
