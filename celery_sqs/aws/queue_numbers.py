"""A queue and its DLQ as GetQueueAttributes describes them, each attribute in plain words."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from celery_sqs.aws.attribute_words import WORDS
from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.queue import url_beside


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
    known = [name for name in WORDS if name in attributes]
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
    label, write = WORDS.get(name, ("", str))
    try:
        return Attribute(name, label, write(value))
    # What we cannot read is shown as it came.
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return Attribute(name, label, value)
