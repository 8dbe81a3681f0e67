"""What a worker has to know of a queue, as the queue itself says."""

import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from celery_sqs.aws.client import SqsClient
from celery_sqs.errors import CallFailed

_ATTRIBUTES: Final = [
    "MessageRetentionPeriod",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "VisibilityTimeout",
]

#: What a FIFO queue's name ends with; no other queue's may.
FIFO: Final = ".fifo"

#: A message can be hidden for 12 hours from its receive, however often that is extended. SQS refuses what exceeds that:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
LONGEST_LEASE: Final = 12 * 60 * 60  # seconds

#: What is asked for at the most: SQS counts from a little before we have the message, by another clock.
LONGEST_DELAY: Final = LONGEST_LEASE - 60

_DEFAULT_RETENTION: Final = 4 * 24 * 60 * 60  # seconds, SQS's own; emulators leave it out


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """A queue's attributes.

    Attributes:
        visibility_timeout: seconds that it hides a message it has handed out.
        max_receive_count: receives after which it moves a message to its DLQ; None without one.
        dlq_arn: that DLQ; None without one.
        retention: seconds that it keeps a message, counted from its last renewal, or else its send.
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
    def is_fifo(self) -> bool:
        """Whether it keeps an order; SQS wants that in its name."""
        return self.name.endswith(FIFO)

    @property
    def name(self) -> str:
        """The queue's name: the last part of its ARN."""
        return self.arn.rsplit(":", 1)[-1]


def read_facts(sqs: SqsClient, queue_url: str) -> QueueFacts:
    """Ask a queue for its attributes.

    Raises:
        CallFailed: SQS refuses, cannot be reached, or gives an answer that makes no sense.
    """
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=_ATTRIBUTES)
    try:
        attributes = answer["Attributes"]
        redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
        limit = redrive.get("maxReceiveCount")
        return QueueFacts(
            visibility_timeout=float(attributes["VisibilityTimeout"]),
            max_receive_count=None if limit is None else int(limit),
            dlq_arn=redrive.get("deadLetterTargetArn"),
            retention=float(attributes.get("MessageRetentionPeriod", _DEFAULT_RETENTION)),
            receive_wait=float(attributes.get("ReceiveMessageWaitTimeSeconds", 0)),
            arn=attributes.get("QueueArn", queue_url.rsplit("/", 1)[-1]),
        )
    # It comes from a proxy, or from a service on its way down.
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CallFailed(f"the attributes of {queue_url} make no sense: {error!r}") from error


def url_beside(queue_url: str, arn: str) -> str:
    """The URL of another queue at the same endpoint: a DLQ has to be in its queue's region and account."""
    return "/".join([*queue_url.rsplit("/", 2)[:1], *arn.rsplit(":", 2)[1:]])


def account_and_name(queue_url: str) -> list[str]:
    """What a URL says of a queue, however it is spelled and whatever host it has: two of one region are compared."""
    return unquote(urlsplit(queue_url).path).strip("/").split("/")[-2:]
