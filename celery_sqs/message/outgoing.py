"""A message as SendMessage takes it, or the reason why it would not; and one that was received, to be sent again."""

import base64
import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from celery_sqs.errors import Unsendable

#: Bytes of body and attributes together:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_MESSAGE_BYTES: Final = 1024 * 1024

#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
MAX_ATTRIBUTES: Final = 10

#: The names of our attributes begin so.
OURS: Final = "celery_"

#: Names and types of attributes, on the same page.
_NAME: Final = re.compile(r"(?!(?i:aws|amazon)\.|\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)", re.ASCII)
_DATA_TYPE: Final = re.compile(r"(String|Number|Binary)(\..+)?")

#: What SQS itself says of a message, and takes again when that is sent again.
TRACE: Final = "AWSTraceHeader"
GROUP: Final = "MessageGroupId"
DEDUPLICATION: Final = "MessageDeduplicationId"

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


@dataclass(frozen=True, slots=True)
class OfCaller:
    """The caller's own message attributes, from `checked`.

    Attributes:
        attributes: in the form that our client takes.
        size: bytes that SQS counts of them.
    """

    attributes: dict[str, dict[str, str]]
    size: int


def outgoing(body: str, attributes: dict[str, str], others: Any = None) -> Outgoing:
    """The message of a JSON text and the texts of its attributes.

    Args:
        body: the text.
        attributes: our attributes.
        others: the caller's own, as boto3 takes them, or from `checked`.

    Raises:
        Unsendable: SQS would refuse it.
    """
    body = escaped(body)
    text = "".join((*attributes, *attributes.values()))
    refused = _REFUSED.search(text)
    if refused:
        raise Unsendable(f"SQS takes no character U+{ord(refused[0]):04X}")
    size = len(body.encode()) + len(text.encode()) + len(attributes) * len(_TYPE)
    beside = others if isinstance(others, OfCaller) else checked(others, attributes)
    size += beside.size
    if size > MAX_MESSAGE_BYTES:
        raise Unsendable(f"the message has {size} bytes, and SQS takes {MAX_MESSAGE_BYTES}")
    ours = {key: {"DataType": _TYPE, "StringValue": text} for key, text in attributes.items()}
    return Outgoing(body, ours | beside.attributes, size)


def checked(others: Any, ours: Collection[str]) -> OfCaller:
    """A caller's message attributes.

    Args:
        others: as boto3 takes them.
        ours: the names of those that they travel beside.

    Raises:
        Unsendable: SQS would refuse one, or they are too many.
    """
    if not others:
        return _NONE
    if not isinstance(others, Mapping):
        raise Unsendable(f"message_attributes: {others!r} is no mapping")
    if len(others) + len(ours) > MAX_ATTRIBUTES:
        counts = f"{len(others)} beside {len(ours)} of Celery's ({', '.join(ours)})"
        raise Unsendable(f"message_attributes: {counts}, and SQS takes {MAX_ATTRIBUTES}")
    attributes = {name: _checked_attribute(name, attribute) for name, attribute in others.items()}
    return OfCaller(attributes, size_of({"MessageAttributes": attributes}))


_NONE: Final = OfCaller({}, 0)


def _checked_attribute(name: Any, attribute: Any) -> dict[str, str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith(OURS):
        raise Unsendable(f"message_attributes: {name!r} is no name for an attribute of yours")
    match attribute:
        case {"DataType": str(kind), "StringValue": str(text), **rest} if text and not rest:
            is_fine = kind.startswith(("String", "Number")) and not _REFUSED.search(text)
            value = {"DataType": kind, "StringValue": text}
        case {"DataType": str(kind), "BinaryValue": bytes(data), **rest} if data and not rest:
            is_fine = kind.startswith("Binary")
            value = {"DataType": kind, "BinaryValue": base64.b64encode(data).decode()}
        case _:
            is_fine, kind, value = False, "", {}
    if not (is_fine and _DATA_TYPE.fullmatch(kind)):
        raise Unsendable(f"message_attributes: SQS does not take {name}: {attribute!r}")
    return value


def escaped(text: str) -> str:
    """A JSON text in characters that SQS takes; only inside a string can it have others."""
    return text if text.isascii() else _REFUSED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def resent(message: dict[str, Any], body: str) -> dict[str, Any]:
    """The entry of SendMessageBatch that sends a received message again, with this body.

    Its attributes, its trace and its group are as they came, without what only a receive says of them. In a FIFO queue
    it is no duplicate of what was received. SQS gives it another id:
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
    if DEDUPLICATION in of_sqs:
        entry[DEDUPLICATION] = uuid.uuid4().hex
    return entry


def size_of(entry: dict[str, Any]) -> int:
    """Bytes that SQS counts of an entry: body, and each attribute's name, type and value."""
    size = len(entry.get("MessageBody", "").encode("utf-8", "replace"))
    for name, value in entry.get("MessageAttributes", {}).items():
        size += len(name.encode()) + len(value["DataType"].encode())
        size += len(value.get("StringValue", "").encode()) + len(value.get("BinaryValue", b""))
    return size
