"""SendMessage and SendMessageBatch.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from tests.simulation.sqs.message import Message, md5_of, md5_of_attributes, value_of
from tests.simulation.sqs.queue import Queue
from tests.simulation.sqs.refusal import Refused, checked_number, invalid, missing

#: Bytes of a batch, all its messages together.
MAX_BATCH_BYTES: Final = 1024 * 1024
MAX_ATTRIBUTES: Final = 10
MAX_DELAY: Final = 900  # seconds

_REFUSED: Final = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME: Final = re.compile(r"(?!(?i:aws|amazon)\.|\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)", re.ASCII)
_TYPE: Final = re.compile(r"(String|Number|Binary)(\..+)?")
_TOKEN: Final = re.compile(r"[!-~]{1,128}")  # ids of groups and of deduplication
_TRACE: Final = "AWSTraceHeader"


def send(queue: Queue, entry: dict[str, Any], message_id: str, now: float) -> dict[str, Any]:
    """Put one message into a queue; returns what SQS answers of it.

    Raises:
        Refused: SQS does not take it.
    """
    size, limit = checked_size(entry), int(queue.attributes["MaximumMessageSize"])
    if size > limit:
        raise invalid("MessageBody", f"of {size} bytes", f"Must be shorter than {limit} bytes.")
    system = _system(queue, entry)
    delay = _delay(queue, entry)
    token = _deduplication(queue, entry, system) if queue.is_fifo else None
    message = queue.original(token, now) if token else None
    if message is None:
        message = _made(queue, entry, system, message_id, now)
        queue.add(message, now + delay, now)
        if token:
            queue.remember(token, message)
    return _answer(message, entry)


def checked_size(entry: Mapping[str, Any]) -> int:
    """The bytes that SQS counts of a message: its body, and each attribute's name, type and value.

    Raises:
        Refused: it is no message that SQS takes.
    """
    body = entry.get("MessageBody")
    if not body:
        raise missing("MessageBody")
    attributes = entry.get("MessageAttributes") or {}
    texts = [body, *(each.get("StringValue", "") for each in attributes.values())]
    if any(_REFUSED.search(text) for text in texts):
        raise Refused("InvalidMessageContents", "Invalid characters were found.")
    if len(attributes) > MAX_ATTRIBUTES:
        raise invalid("MessageAttributes", len(attributes), f"A message has at most {MAX_ATTRIBUTES} attributes.")
    return len(body.encode()) + sum(_attribute_size(name, each) for name, each in attributes.items())


def sequence(value: int) -> str:
    """A sequence number as SQS writes it."""
    return f"{value:020d}"


def _attribute_size(name: str, attribute: Mapping[str, Any]) -> int:
    if not _NAME.fullmatch(name):
        raise invalid("MessageAttributes", name, "The attribute's name is not allowed.")
    data_type = attribute.get("DataType", "")
    if not _TYPE.fullmatch(data_type):
        raise invalid("MessageAttributes", name, f"The type {data_type!r} is not allowed.")
    value = attribute.get("BinaryValue" if data_type.startswith("Binary") else "StringValue")
    if not value:
        raise invalid("MessageAttributes", name, f"An attribute of type {data_type} has to have a value.")
    if data_type.startswith("Number") and not _is_number(value):
        raise invalid("MessageAttributes", name, "Can't cast the value of the attribute to a number.")
    return len(name.encode()) + len(data_type.encode()) + len(value_of(attribute))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _system(queue: Queue, entry: Mapping[str, Any]) -> dict[str, str]:
    """The system attributes that a sender sets.

    Raises:
        Refused: there is one that the queue does not take, or one is missing.
    """
    given = entry.get("MessageSystemAttributes") or {}
    if given.keys() - {_TRACE}:
        raise invalid("MessageSystemAttributes", sorted(given), f"Only {_TRACE} can be set.")
    system = {name: attribute["StringValue"] for name, attribute in given.items()}
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        value = entry.get(name)
        if value is None:
            continue
        if name == "MessageDeduplicationId" and not queue.is_fifo:
            raise invalid(name, value, "The request includes a parameter that is not valid for this queue type.")
        if not _TOKEN.fullmatch(value):
            raise invalid(name, value, f"{name} can only include 1 to 128 alphanumeric and punctuation characters.")
        system[name] = value
    return system


def _delay(queue: Queue, entry: dict[str, Any]) -> int:
    of_queue = int(queue.attributes["DelaySeconds"])
    delay = checked_number(entry, "DelaySeconds", of_queue, 0, MAX_DELAY)
    if queue.is_fifo and entry.get("DelaySeconds"):
        raise invalid("DelaySeconds", delay, "The request includes a parameter that is not valid for this queue type.")
    return of_queue if queue.is_fifo else delay


def _deduplication(queue: Queue, entry: Mapping[str, Any], system: dict[str, str]) -> tuple[str, str]:
    """What a FIFO queue tells duplicates by; the system attributes have the id then."""
    if "MessageGroupId" not in system:
        raise missing("MessageGroupId")
    if "MessageDeduplicationId" not in system:
        if queue.attributes["ContentBasedDeduplication"] != "true":
            reason = "The queue should have ContentBasedDeduplication enabled, or the id be provided explicitly."
            raise invalid("MessageDeduplicationId", None, reason)
        system["MessageDeduplicationId"] = hashlib.sha256(entry["MessageBody"].encode()).hexdigest()
    scope = system["MessageGroupId"] if queue.attributes["DeduplicationScope"] == "messageGroup" else ""
    return scope, system["MessageDeduplicationId"]


def _made(queue: Queue, entry: Mapping[str, Any], system: dict[str, str], message_id: str, now: float) -> Message:
    attributes = entry.get("MessageAttributes") or {}
    body, number = entry["MessageBody"], queue.next_number()
    if queue.is_fifo:
        system["SequenceNumber"] = sequence(number)
    return Message(number, message_id, body, attributes, system, now, md5_of(body), md5_of_attributes(attributes))


def _answer(message: Message, entry: Mapping[str, Any]) -> dict[str, Any]:
    answer = {"MessageId": message.message_id, "MD5OfMessageBody": message.md5_body}
    if message.md5_attributes:
        answer["MD5OfMessageAttributes"] = message.md5_attributes
    if entry.get("MessageSystemAttributes"):
        answer["MD5OfMessageSystemAttributes"] = md5_of_attributes(entry["MessageSystemAttributes"])
    if "SequenceNumber" in message.system:
        answer["SequenceNumber"] = message.system["SequenceNumber"]
    return answer
