"""Deleting all messages of a queue, which SQS does at one call."""

from typing import Final

from celery_sqs.aws.client import SqsClient
from celery_sqs.errors import CallFailed

#: Seconds between two purges of a queue, at the least:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html
INTERVAL: Final = 60

_IN_PROGRESS: Final = "PurgeQueueInProgress"

_COUNTED: Final = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]


def purge(sqs: SqsClient, queue_url: str) -> int:
    """Delete all messages of a queue: those in flight and those with a delay, too.

    Returns:
        How many there were just before, as SQS counts them: approximately.

    Raises:
        CallFailed: SQS refuses, or cannot be reached.
    """
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=_COUNTED).get("Attributes") or {}
    try:
        count = sum(int(attributes.get(name, 0)) for name in _COUNTED)
        sqs.purge_queue(QueueUrl=queue_url)
    except CallFailed as error:
        if error.code.endswith(_IN_PROGRESS):
            text = f"SQS purges a queue once in {INTERVAL} seconds, and the last time was less ago"
            raise CallFailed(text, error.code, error.status) from error
        raise
    return count
