"""A message as SendMessage takes it, or the reason why it would not; and one that was received, to be sent again."""

import re
from dataclasses import dataclass
from typing import Any, Final

from celery_sqs.errors import Unsendable

#: Bytes of body and attributes together:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_MESSAGE_BYTES: Final = 1024 * 1024

#: What SQS itself says of a message, and takes again when that is sent again.
TRACE: Final = "AWSTraceHeader"
GROUP: Final = "MessageGroupId"

_TYPE: Final = "String"  # of each of our attributes; its name counts towards a message's size

#: What SQS takes in text:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_REFUSED: Final = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as SendMessage takes it.

    Attributes:
        body: its text.
        attributes: its message attributes.
        size: bytes that SQS counts: the body, and each attribute's name, type and value.
    """

    body: str
    attributes: dict[str, Any]
    size: int


def outgoing(body: str, attributes: dict[str, str]) -> Outgoing:
    """The message of a JSON text and the texts of its attributes.

    Raises:
        Unsendable: SQS would refuse it.
    """
    body = escaped(body)
    text = "".join((*attributes, *attributes.values()))
    refused = _REFUSED.search(text)
    if refused:
        raise Unsendable(f"SQS takes no character U+{ord(refused[0]):04X}")
    size = len(body.encode()) + len(text.encode()) + len(attributes) * len(_TYPE)
    if size > MAX_MESSAGE_BYTES:
        raise Unsendable(f"the message has {size} bytes, and SQS takes {MAX_MESSAGE_BYTES}")
    return Outgoing(body, {key: {"DataType": _TYPE, "StringValue": text} for key, text in attributes.items()}, size)


def escaped(text: str) -> str:
    """A JSON text in characters that SQS takes; only inside a string can it have others."""
    return text if text.isascii() else _REFUSED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def resent(message: dict[str, Any], body: str) -> dict[str, Any]:
    """The entry of SendMessageBatch that sends a received message again, with this body.

    Its attributes, its trace and its group are as they came, without what only a receive says of them. SQS gives it
    another id:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html
    """
    entry: dict[str, Any] = {
        "MessageBody": body,
        "MessageAttributes": {
            name: {part: value[part] for part in ("DataType", "StringValue", "BinaryValue") if part in value}
            for name, value in (message.get("MessageAttributes") or {}).items()
        },
    }
    of_sqs = message.get("Attributes") or {}
    if TRACE in of_sqs:
        entry["MessageSystemAttributes"] = {TRACE: {"DataType": _TYPE, "StringValue": of_sqs[TRACE]}}
    if GROUP in of_sqs:
        entry[GROUP] = of_sqs[GROUP]
    return entry


def size_of(entry: dict[str, Any]) -> int:
    """Bytes that SQS counts of an entry: body, and each attribute's name, type and value."""
    size = len(entry.get("MessageBody", "").encode("utf-8", "replace"))
    for name, value in entry.get("MessageAttributes", {}).items():
        size += len(name.encode()) + len(value["DataType"].encode())
        size += len(value.get("StringValue", "").encode()) + len(value.get("BinaryValue", b""))
    return size
