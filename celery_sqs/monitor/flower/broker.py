"""Flower's view of the broker: the work queues and their DLQ, as SQS counts their messages."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from celery import current_app
from tornado.web import HTTPError

from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.endpoint import sqs_client
from celery_sqs.errors import CallFailed
from celery_sqs.settings import Settings

_COUNTS: Final = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
]


class Broker:
    """In place of Flower's `Broker`."""

    def __init__(self, broker_url: str, *, broker_options: dict[str, Any], **_: Any) -> None:
        settings = Settings.of(current_app.conf)
        self._endpoint = settings.endpoint
        self._urls = [url for queue in settings.queues.values() for url in (queue.url, queue.dlq_url) if url]

    async def queues(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """A line for each queue.

        Args:
            names: the queues that the workers consume. Not used: the settings have all of them, and the DLQ.

        Raises:
            HTTPError: SQS does not answer: 503.
        """
        return await asyncio.to_thread(self._lengths)

    def _lengths(self) -> list[dict[str, Any]]:
        try:
            return [_length(sqs_client(self._endpoint), url) for url in self._urls]
        except CallFailed as error:
            raise HTTPError(503, f"SQS does not answer how long the queues are: {error}") from error


@property  # type: ignore[misc]  # it takes the place of a property of Flower's class
def broker_uri(site: Any) -> str:
    """The URL that the queues have in common. kombu would show the name of our transport class."""
    [queue, *_] = Settings.of(site.capp.conf).queues.values()
    return queue.url.rpartition("/")[0]


def _length(sqs: SqsClient, url: str) -> dict[str, Any]:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)["Attributes"]
    visible, delayed, in_flight = (int(attributes.get(name, 0)) for name in _COUNTS)
    return {
        "name": url.rsplit("/", 1)[-1],
        "messages": visible + delayed + in_flight,
        "messages_ready": visible,
        "messages_unacknowledged": in_flight,
    }
