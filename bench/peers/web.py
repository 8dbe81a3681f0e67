"""The project's own web application with another queue behind it; everything else is equal."""

from collections.abc import Mapping
from typing import Final

import boto3
from botocore.config import Config
from flask import Flask

from app import create_app
from bench.peers.plain_celery.app import TASK, make_app
from celery_sqs import exact_json
from config.settings import Settings, boot
from orders.order import Order
from orders.schema import to_message

#: Connections to SQS at once. Celery's and boto3's default is ten, on which the requests would wait for each
#: other; these are more than one process can keep busy.
_POOL: Final = 32


class DelayQueue:
    """Plain Celery's `.delay()` on kombu's own SQS transport."""

    def __init__(self, settings: Settings) -> None:
        self._celery = make_app(settings.sqs_endpoint or "", settings.sqs_queue_url, tuned=False, pool_limit=_POOL)

    def send(self, order: Order, request_id: str, trace: Mapping[str, str]) -> str:
        """Publish the task."""
        return str(self._celery.tasks[TASK].delay(to_message(order)).id)

    def reachable(self) -> bool:
        """Always true: the benchmark needs no readiness."""
        return True


class Boto3Queue:
    """A `send_message` per order, as boto3's guide has it: one client for all threads."""

    def __init__(self, settings: Settings) -> None:
        self._sqs = boto3.client(
            "sqs",
            endpoint_url=settings.sqs_endpoint,
            region_name=settings.aws_region,
            config=Config(max_pool_connections=_POOL),
        )
        self._queue_url = settings.sqs_queue_url

    def send(self, order: Order, request_id: str, trace: Mapping[str, str]) -> str:
        """Send the message."""
        body = exact_json.dumps(to_message(order))
        return str(self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)["MessageId"])

    def reachable(self) -> bool:
        """Always true: the benchmark needs no readiness."""
        return True


class NoQueue:
    """Accepts every order and drops it: the upper bound that Flask sets."""

    def send(self, order: Order, request_id: str, trace: Mapping[str, str]) -> str:
        """Do nothing."""
        return request_id

    def reachable(self) -> bool:
        """Always true: the benchmark needs no readiness."""
        return True


def plain_celery() -> Flask:
    """The application with `DelayQueue`."""
    settings = boot()
    return create_app(settings, queue=DelayQueue(settings))


def boto3_send() -> Flask:
    """The application with `Boto3Queue`."""
    settings = boot()
    return create_app(settings, queue=Boto3Queue(settings))


def no_queue() -> Flask:
    """The application with `NoQueue`."""
    return create_app(queue=NoQueue())
