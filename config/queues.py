"""The two queues, as data: the one place where their names and numbers stand in code.

Terraform (`terraform/sqs.tf`) spells the same numbers for AWS;
`tests/terraform/test_agreement.py` fails when the two disagree.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, kw_only=True)
class DeadLetterQueue:
    """Where SQS moves a message that was received too often.

    Attributes:
        name: the queue's name.
        retention: seconds a message is kept. SQS counts them from the first send, so this must
            exceed the work queue's retention, or a message dies on arrival:
            https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
    """

    name: str
    retention: int


@dataclass(frozen=True, kw_only=True)
class WorkQueue:
    """A queue that workers drain.

    Attributes:
        name: the queue's name.
        visibility_timeout: seconds a received message stays hidden from other receivers.
        retention: seconds an undelivered message is kept.
        receive_wait: seconds a long poll waits for a first message (SQS allows 20).
        max_receive_count: receives after which SQS moves the message to `dlq`.
        dlq: the dead-letter queue.
    """

    name: str
    visibility_timeout: int
    retention: int
    receive_wait: int
    max_receive_count: int
    dlq: DeadLetterQueue


ORDER_DLQ = DeadLetterQueue(name="order-dlq", retention=14 * 24 * 60 * 60)

ORDER_QUEUE = WorkQueue(
    name="order-processing-queue",
    visibility_timeout=30,
    retention=24 * 60 * 60,
    receive_wait=20,
    max_receive_count=3,
    dlq=ORDER_DLQ,
)

#: AWS's hosts for a queue, as `celery_sqs.aws.endpoint` has them for all that calls SQS.
_OF_AWS: Final = re.compile(r"(?:.+\.)?sqs(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws|api\.aws)\b.*")


def region_in(queue_url: str) -> str | None:
    """The region that a queue's URL names; None for one that is not AWS's."""
    named = _OF_AWS.fullmatch(urlsplit(queue_url).hostname or "")
    return named[1] if named else None


def account_and_name(queue_url: str) -> list[str]:
    """What a queue's URL says of it, whatever host and spelling it has."""
    return unquote(urlsplit(queue_url).path).strip("/").split("/")[-2:]
