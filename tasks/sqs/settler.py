"""Settling: telling SQS what became of a message. A settlement that fails costs a redelivery, no more."""

import logging
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)


def delete(client: "SQSClient", queue_url: str, receipt_handle: str) -> None:
    """Delete a message that is done."""
    try:
        client.delete_message(QueueUrl=queue_url, ReceiptHandle=receipt_handle)
    except (BotoCoreError, ClientError, OSError) as error:
        logger.warning("a done message could not be deleted and will come again: %r", error)


def release(client: "SQSClient", queue_url: str, receipt_handle: str) -> None:
    """Make a message visible at once: to be run again, or moved to the DLQ if it has no receive left."""
    try:
        client.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=0)
    except (BotoCoreError, ClientError, OSError) as error:
        logger.warning("a message stays hidden until its visibility timeout ends: %r", error)
