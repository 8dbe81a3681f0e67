"""What a worker has to know of a queue, as the queue itself tells it."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """A queue's attributes.

    Attributes:
        visibility_timeout: seconds that it hides a message it has handed out.
        max_receive_count: receives after which it moves a message to its DLQ; None without one.
    """

    visibility_timeout: float
    max_receive_count: int | None


def read_facts(sqs: "SQSClient", queue_url: str) -> QueueFacts:
    """Ask a queue for its attributes; raises whatever keeps it from answering."""
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["VisibilityTimeout", "RedrivePolicy"])
    attributes = answer["Attributes"]
    redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
    limit = redrive.get("maxReceiveCount")
    return QueueFacts(float(attributes["VisibilityTimeout"]), None if limit is None else int(limit))
