"""SQS's queue attributes in plain words: what each is, and how its value reads."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from celery_sqs.aws.duration import span


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
WORDS: Final[dict[str, tuple[str, Callable[[str], str]]]] = {
    "ApproximateNumberOfMessages": ("Waiting to be received", _messages),
    "ApproximateNumberOfMessagesNotVisible": ("In flight: received and not settled, or waiting for a retry", _messages),
    "ApproximateNumberOfMessagesDelayed": ("Delayed: not visible yet for the first time", _messages),
    "VisibilityTimeout": ("A received message stays hidden for", _seconds),
    "MessageRetentionPeriod": ("A message is kept, counted from its last renewal, or else its send, for", _seconds),
    "RedrivePolicy": ("A message moves to the DLQ", _redrive),
    "RedriveAllowPolicy": ("Which queues may use it as their DLQ", _allowed),
    "ReceiveMessageWaitTimeSeconds": ("A receive waits for a first message up to", _seconds),
    "DelaySeconds": ("A new message is delayed for", _seconds),
    "MaximumMessageSize": ("A message may have up to", _bytes),
    "CreatedTimestamp": ("Created", _instant),
    "LastModifiedTimestamp": ("Its settings last changed", _instant),
    "QueueArn": ("ARN", str),
    "SqsManagedSseEnabled": ("Encrypted at rest with SQS's own keys", _yes),
    "KmsMasterKeyId": ("Encrypted at rest with the KMS key", str),
    "KmsDataKeyReusePeriodSeconds": ("A KMS data key is used again for", _seconds),
    "FifoQueue": ("FIFO", _yes),
    "ContentBasedDeduplication": ("FIFO: duplicates are found by content", _yes),
    "DeduplicationScope": ("FIFO: duplicates are found within", str),
    "FifoThroughputLimit": ("FIFO: the throughput limit applies to", str),
    "Policy": ("Access policy", str),
}
