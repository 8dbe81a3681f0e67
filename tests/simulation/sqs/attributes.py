"""A queue's attributes: which there are, what they may be, and what they are when nobody says it.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.simulation.sqs.refusal import Refused, invalid

FIFO: Final = ".fifo"  # what a FIFO queue's name ends with

#: The lowest and the highest value, and the default.
_NUMBERS: Final = {
    "DelaySeconds": (0, 900, 0),
    "MaximumMessageSize": (1024, 1024 * 1024, 1024 * 1024),
    "MessageRetentionPeriod": (60, 1_209_600, 345_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20, 0),
    "VisibilityTimeout": (0, 43_200, 30),
}
_OF_FIFO: Final = {
    "FifoQueue": {"true"},
    "ContentBasedDeduplication": {"true", "false"},
    "DeduplicationScope": {"queue", "messageGroup"},
    "FifoThroughputLimit": {"perQueue", "perMessageGroupId"},
}
_POLICIES: Final = {"Policy", "RedrivePolicy", "RedriveAllowPolicy"}
_ENCRYPTION: Final = {"KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"}

#: What a queue says of itself, and nobody sets.
_MEASURED: Final = {
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
}

_MAX_RECEIVES: Final = 1000


def defaults(is_fifo: bool) -> dict[str, str]:
    """What a queue begins with."""
    of_fifo = {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }
    numbers = {name: str(default) for name, (_, _, default) in _NUMBERS.items()}
    return numbers | {"SqsManagedSseEnabled": "true"} | (of_fifo if is_fifo else {})


def checked(given: Mapping[str, Any], is_fifo: bool) -> dict[str, str]:
    """Attributes as a caller sets them.

    Raises:
        Refused: SQS has no such attribute, or it cannot have that value.
    """
    for name, value in given.items():
        if name in _NUMBERS:
            lowest, highest, _ = _NUMBERS[name]
            if not str(value).isdecimal() or not lowest <= int(value) <= highest:
                raise Refused("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
        elif name in _OF_FIFO and is_fifo:
            if value not in _OF_FIFO[name]:
                raise Refused("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
        elif name not in _POLICIES | _ENCRYPTION:
            raise Refused("InvalidAttributeName", f"Unknown Attribute {name}.")
    return {name: str(value) for name, value in given.items()}


def require_known(names: Iterable[str]) -> None:
    """Make sure that one can ask for these.

    Raises:
        Refused: SQS has no such attribute.
    """
    for name in set(names) - _NUMBERS.keys() - _OF_FIFO.keys() - _POLICIES - _ENCRYPTION - _MEASURED - {"All"}:
        raise Refused("InvalidAttributeName", f"Unknown Attribute {name}.")


def redrive(text: str) -> tuple[str, int] | None:
    """The DLQ's ARN and the receives of a redrive policy; None: it is empty, so there is none.

    Raises:
        Refused: it is no redrive policy.
    """
    if not text:
        return None
    try:
        policy = json.loads(text)
        arn, receives = policy["deadLetterTargetArn"], int(policy["maxReceiveCount"])
    except (LookupError, TypeError, ValueError) as error:
        raise invalid("RedrivePolicy", text, f"{type(error).__name__}: {error}") from error
    if not 1 <= receives <= _MAX_RECEIVES:
        raise invalid("RedrivePolicy", text, f"maxReceiveCount must be between 1 and {_MAX_RECEIVES}.")
    return arn, receives
