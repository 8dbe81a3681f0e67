"""SendMessage and SendMessageBatch.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from tests.simulation.sqs.content import Content, md5_of_attributes
from tests.simulation.sqs.message import Message
from tests.simulation.sqs.queue import Queue
from tests.simulation.sqs.refusal import checked_number, invalid, missing

#: Bytes of a batch, all its messages together.
MAX_BATCH_BYTES: Final = 1024 * 1024
MAX_DELAY: Final = 900  # seconds

_TOKEN: Final = re.compile(r"[!-~]{1,128}")  # ids of groups and of deduplication
_TRACE: Final = "AWSTraceHeader"


def send(queue: Queue, entry: dict[str, Any], content: Content, message_id: str, now: float) -> dict[str, Any]:
    """Put one message into a queue; returns what SQS answers of it.

    Raises:
        Refused: SQS does not take it.
    """
    limit = int(queue.attributes["MaximumMessageSize"])
    if content.size > limit:
        raise invalid("MessageBody", f"of {content.size} bytes", f"Must not be longer than {limit} bytes.")
    system = _system(queue, entry)
    delay = _delay(queue, entry)
    token = _deduplication(queue, entry, system) if queue.is_fifo else None
    message = queue.original(token, now) if token else None
    if message is None:
        message = _made(queue, entry, content, system, message_id, now)
        queue.add(message, now + delay, now)
        if token:
            queue.remember(token, message)
    return _answer(message, entry)


def sequence(value: int) -> str:
    """A sequence number as SQS writes it."""
    return f"{value:020d}"


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


def _made(
    queue: Queue, entry: Mapping[str, Any], content: Content, system: dict[str, str], message_id: str, now: float
) -> Message:
    number = queue.next_number()
    if queue.is_fifo:
        system["SequenceNumber"] = sequence(number)
    attributes = entry.get("MessageAttributes") or {}
    digests = content.md5_body, content.md5_attributes
    return Message(number, message_id, entry["MessageBody"], attributes, system, now, *digests)


def _answer(message: Message, entry: Mapping[str, Any]) -> dict[str, Any]:
    answer = {"MessageId": message.message_id, "MD5OfMessageBody": message.md5_body}
    if message.md5_attributes:
        answer["MD5OfMessageAttributes"] = message.md5_attributes
    if entry.get("MessageSystemAttributes"):
        answer["MD5OfMessageSystemAttributes"] = md5_of_attributes(entry["MessageSystemAttributes"])
    if "SequenceNumber" in message.system:
        answer["SequenceNumber"] = message.system["SequenceNumber"]
    return answer
