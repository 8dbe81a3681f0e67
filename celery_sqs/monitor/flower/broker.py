"""Flower's view of the broker: the work queues and their DLQ, as SQS counts their messages."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from celery import current_app
from tornado.web import HTTPError

from celery_sqs.aws import endpoint

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

_COUNTS: Final[list["QueueAttributeNameType"]] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
]


class Broker:
    """In place of Flower's `Broker`."""

    def __init__(self, broker_url: str, *, broker_options: dict[str, Any], **_: Any) -> None:
        self._endpoint = broker_options["endpoint"]
        self._urls = [queue["url"] for queue in broker_options["predefined_queues"].values()]
        if current_app.conf.sqs_dlq_url:
            self._urls.append(current_app.conf.sqs_dlq_url)

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
            return [_length(endpoint.client(self._endpoint), url) for url in self._urls]
        except (BotoCoreError, ClientError, OSError) as error:
            raise HTTPError(503, f"SQS does not answer how long the queues are: {error}") from error


def broker_uri(site: Any) -> str:
    """The URL that the queues have in common. kombu would show the name of our transport class."""
    [url, *_] = (queue["url"] for queue in site.capp.conf.broker_transport_options["predefined_queues"].values())
    return str(url.rpartition("/")[0])


def _length(sqs: "SQSClient", url: str) -> dict[str, Any]:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)["Attributes"]
    visible, delayed, in_flight = (int(attributes.get(name, 0)) for name in _COUNTS)
    return {
        "name": url.rsplit("/", 1)[-1],
        "messages": visible + delayed + in_flight,
        "messages_ready": visible,
        "messages_unacknowledged": in_flight,
    }
