"""A queue and its DLQ as GetQueueAttributes describes them, each attribute in plain words."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.queue import url_beside
from celery_sqs.duration import span


@dataclass(frozen=True, slots=True)
class Attribute:
    """One of a queue's attributes.

    Attributes:
        name: SQS's own name for it.
        label: what it is, in plain words; empty for one that we have no words for.
        text: its value, with its unit.
    """

    name: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class QueueNumbers:
    """A queue, as GetQueueAttributes describes it.

    Attributes:
        name: its name.
        url: its URL.
        visible: messages that a receive would bring.
        hidden: messages that somebody has received and not settled, or that wait for their next attempt.
        delayed: messages whose first delivery is delayed.
        attributes: all there is, those that matter most first.
    """

    name: str
    url: str
    visible: int
    hidden: int
    delayed: int
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class QueuePair:
    """The work queue and its DLQ; None where there is none."""

    work: QueueNumbers
    dlq: QueueNumbers | None


def read_pair(sqs: SqsClient, queue_url: str, dlq_url: str | None) -> QueuePair:
    """Ask for a queue and its DLQ.

    Args:
        sqs: from `celery_sqs.aws.endpoint`.
        queue_url: the work queue.
        dlq_url: its DLQ; None: the one that the queue's redrive policy names.

    Raises:
        CallFailed: SQS refuses, cannot be reached, or gives an answer that makes no sense.
    """
    work = _attributes(sqs, queue_url)
    dlq_url = dlq_url or _dlq_beside(queue_url, work)
    dlq = read(dlq_url, _attributes(sqs, dlq_url)) if dlq_url else None
    return QueuePair(read(queue_url, work), dlq)


def read(url: str, attributes: Mapping[str, str]) -> QueueNumbers:
    """A queue's attributes in words. Emulators leave some out."""
    known = [name for name in _WORDS if name in attributes]
    others = sorted(attributes.keys() - set(known))
    return QueueNumbers(
        name=url.rsplit("/", 1)[-1],
        url=url,
        visible=int(attributes.get("ApproximateNumberOfMessages", 0)),
        hidden=int(attributes.get("ApproximateNumberOfMessagesNotVisible", 0)),
        delayed=int(attributes.get("ApproximateNumberOfMessagesDelayed", 0)),
        attributes=tuple(_attribute(name, attributes[name]) for name in [*known, *others]),
    )


def _attributes(sqs: SqsClient, url: str) -> dict[str, str]:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]).get("Attributes")
    return attributes if isinstance(attributes, dict) else {}


def _dlq_beside(queue_url: str, attributes: Mapping[str, str]) -> str | None:
    """The URL of the DLQ in a queue's redrive policy; None without one that can be read."""
    try:
        arn = json.loads(attributes.get("RedrivePolicy", "{}")).get("deadLetterTargetArn")
    except (AttributeError, TypeError, ValueError):
        return None
    return url_beside(queue_url, arn) if isinstance(arn, str) else None


def _attribute(name: str, value: str) -> Attribute:
    label, write = _WORDS.get(name, ("", str))
    try:
        return Attribute(name, label, write(value))
    # What we cannot read is shown as it came.
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return Attribute(name, label, value)


def _messages(value: str) -> str:
    count = int(value)
    return f"{count:,} message{'s' * (count != 1)}"


def _seconds(value: str) -> str:
    seconds = int(value)
    return f"{seconds:,} s" if seconds < 60 else f"{seconds:,} s ({span(seconds)})"  # noqa: PLR2004


def _bytes(value: str) -> str:
    return f"{int(value):,} bytes"


def _instant(value: str) -> str:
    return f"{datetime.fromtimestamp(float(value), UTC):%Y-%m-%d %H:%M:%S} UTC"


def _yes(value: str) -> str:
    return {"true": "yes", "false": "no"}[value.lower()]


def _redrive(value: str) -> str:
    policy: dict[str, Any] = json.loads(value)
    return f"after {policy['maxReceiveCount']} receives to {policy['deadLetterTargetArn']}"


def _allowed(value: str) -> str:
    policy: dict[str, Any] = json.loads(value)
    sources = ", ".join(policy.get("sourceQueueArns", []))
    return {"allowAll": "any queue", "denyAll": "no queue", "byQueue": sources}[policy["redrivePermission"]]


#: SQS's names, what they mean and how to write their values, in the order in which they are shown:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
_WORDS: Final[dict[str, tuple[str, Callable[[str], str]]]] = {
    "ApproximateNumberOfMessages": ("Waiting to be received", _messages),
    "ApproximateNumberOfMessagesNotVisible": ("In flight: received and not settled, or waiting for a retry", _messages),
    "ApproximateNumberOfMessagesDelayed": ("Delayed: not visible yet for the first time", _messages),
    "VisibilityTimeout": ("A received message stays hidden for", _seconds),
    "MessageRetentionPeriod": ("A message is kept, counted from its first send, for", _seconds),
    "RedrivePolicy": ("A message moves to the DLQ", _redrive),
    "RedriveAllowPolicy": ("Which queues may use it as their DLQ", _allowed),
    "ReceiveMessageWaitTimeSeconds": ("A receive waits for a first message up to", _seconds),
    "DelaySeconds": ("A new message is held back for", _seconds),
    "MaximumMessageSize": ("A message may have up to", _bytes),
    "CreatedTimestamp": ("Created", _instant),
    "LastModifiedTimestamp": ("Its settings last changed", _instant),
    "QueueArn": ("ARN", str),
    "SqsManagedSseEnabled": ("Encrypted at rest with SQS's own keys", _yes),
    "KmsMasterKeyId": ("Encrypted at rest with the KMS key", str),
    "KmsDataKeyReusePeriodSeconds": ("A KMS data key is used again for", _seconds),
    "FifoQueue": ("FIFO", _yes),
    "ContentBasedDeduplication": ("FIFO: duplicates are told by content", _yes),
    "DeduplicationScope": ("FIFO: duplicates are told within", str),
    "FifoThroughputLimit": ("FIFO: the throughput limit holds for", str),
    "Policy": ("Access policy", str),
}
