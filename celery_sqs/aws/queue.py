"""What a worker has to know of a queue, as the queue itself tells it."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from celery_sqs.aws.client import SqsClient

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

_ASKED_FOR: Final[list["QueueAttributeNameType"]] = [
    "MessageRetentionPeriod",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "VisibilityTimeout",
]


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """A queue's attributes.

    Attributes:
        visibility_timeout: seconds that it hides a message it has handed out.
        max_receive_count: receives after which it moves a message to its DLQ; None without one.
        dlq_arn: that DLQ; None without one.
        retention: seconds that it keeps a message, counted from its first send.
        receive_wait: seconds that a poll waits for a message when it does not say how long; 0: none.
        arn: the queue's own.
    """

    visibility_timeout: float
    max_receive_count: int | None
    dlq_arn: str | None
    retention: float
    receive_wait: float
    arn: str

    @property
    def name(self) -> str:
        """The queue's name: the last part of its ARN."""
        return self.arn.rsplit(":", 1)[-1]


def read_facts(sqs: "SQSClient | SqsClient", queue_url: str) -> QueueFacts:
    """Ask a queue for its attributes; raises whatever keeps it from answering."""
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=_ASKED_FOR)["Attributes"]
    redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
    limit = redrive.get("maxReceiveCount")
    return QueueFacts(
        visibility_timeout=float(attributes["VisibilityTimeout"]),
        max_receive_count=None if limit is None else int(limit),
        dlq_arn=redrive.get("deadLetterTargetArn"),
        # Emulators leave out some of what has SQS's defaults.
        retention=float(attributes.get("MessageRetentionPeriod", 4 * 24 * 60 * 60)),
        receive_wait=float(attributes.get("ReceiveMessageWaitTimeSeconds", 0)),
        arn=attributes.get("QueueArn", queue_url.rsplit("/", 1)[-1]),
    )
