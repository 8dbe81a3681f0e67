"""Which work queue the messages in a DLQ came from, where several work queues of an app have the same DLQ."""

from collections.abc import Sequence
from typing import Any, Protocol

from celery_sqs.aws.queue import account_and_name
from celery_sqs.errors import CallFailed


class Source(Protocol):
    """A work queue with a DLQ."""

    @property
    def sqs_name(self) -> str:
        """SQS's name of the work queue."""

    @property
    def url(self) -> str:
        """The DLQ's URL; raises CallFailed."""


def sharing(url: str, among: Sequence[Source]) -> list[Source]:
    """Of these work queues those with this DLQ, in their order.

    Raises:
        CallFailed: SQS cannot be asked.
    """
    return [each for each in among if _has(each, url)]


def source_of(message: dict[str, Any], sources: Sequence[Source]) -> Source:
    """The work queue that a dead message came from, of those with the same DLQ.

    It is the first one's where it came from none of them, or SQS does not say where from: emulators do not, and nobody
    does of what was put there by hand.

    Args:
        message: as ReceiveMessage gives it.
        sources: at least one.
    """
    name = str(message.get("Attributes", {}).get("DeadLetterQueueSourceArn", "")).rsplit(":", 1)[-1]
    return next((each for each in sources if each.sqs_name == name), sources[0])


def _has(source: Source, url: str) -> bool:
    try:
        return account_and_name(source.url) == account_and_name(url)
    except CallFailed as error:
        if error.may_pass:
            raise
        return False  # it is not there, or has no DLQ
