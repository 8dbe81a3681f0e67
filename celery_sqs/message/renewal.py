"""Renewal: a message sent anew, which keeps what it is and what has happened to it.

SQS counts a copy's receives and its age from zero, and gives it an id of its own. So a copy carries an attribute of
ours with the first id, the first sent time, and the receives and attempts so far. Its body and its other attributes are
those of the message.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from celery_sqs.errors import Unsendable
from celery_sqs.message.outgoing import MAX_ATTRIBUTES, MAX_MESSAGE_BYTES, resent, size_of

#: The message attribute of a copy.
RENEWAL: Final = "celery_renewal"

#: Characters of an id: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
MAX_ID: Final = 100

#: What no count of ours reaches, and what databases and clocks take: anybody may send a message that says it is a copy.
MAX_COUNT: Final = 1_000_000
MAX_SENT_AT: Final = 2**42  # milliseconds since the epoch: in the year 2109


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What a copy carries.

    Attributes:
        message_id: SQS's id of the message that was sent first.
        sent_at: when that was, in milliseconds since the epoch; 0 where SQS did not say.
        receives: how often SQS has handed out the earlier copies.
        attempts: failed attempts that were on record when they were last looked up; None: not known.
        receives_since: how many of these receives came later, and may have begun an attempt.
        is_suspect: whether a copy came back, and nothing on record said why.
        begun: the receive count of an attempt that is on record as begun, and was interrupted by an outage.
        is_rescued: whether it was dead once, with attempts left.
        counts_receives: whether its receives are its attempts, as the store of its task does not record them.
        made_at: when the copy was made, in milliseconds since the epoch; 0: not known. SQS's own redrive leaves it as
            it is, and sends the copy later.
    """

    message_id: str
    sent_at: int
    receives: int
    attempts: int | None = 0
    receives_since: int = 0
    is_suspect: bool = False
    begun: int | None = None
    is_rescued: bool = False
    counts_receives: bool = False
    made_at: int = field(default=0, compare=False)


def opened(message: dict[str, Any]) -> tuple[dict[str, Any], Renewal | None]:
    """A received message as it was sent first, and what a copy of it carries; None if it is no copy.

    Its id, its sent time and its receive count are those of the first message, and of all copies together. One whose
    attribute cannot be read is returned as it is, with that attribute: `celery_sqs.message.wire` refuses it.
    """
    attributes = message.get("MessageAttributes") or {}
    if RENEWAL not in attributes:
        return message, None
    try:
        fields = json.loads(attributes[RENEWAL]["StringValue"])
        packed = fields.pop("packed", {})
        # A later version may write more: in a rolling deployment each has to take the other's copies.
        known = {name: value for name, value in fields.items() if name in Renewal.__dataclass_fields__}
        renewal = _checked(Renewal(**known))
        others = {name: value for name, value in attributes.items() if name != RENEWAL} | _checked_attributes(packed)
        of_sqs = dict(message["Attributes"])
        of_sqs["ApproximateReceiveCount"] = str(int(of_sqs["ApproximateReceiveCount"]) + renewal.receives)
        if renewal.sent_at:
            of_sqs["SentTimestamp"] = str(renewal.sent_at)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return message, None
    first = {"MessageId": renewal.message_id, "MessageAttributes": others, "Attributes": of_sqs}
    return message | first, renewal


def renewed(message: dict[str, Any], renewal: Renewal) -> dict[str, Any]:
    """The entry of SendMessageBatch for a copy of a message, which `opened` has returned.

    Raises:
        Unsendable: SQS would not take it: the attribute makes it too large.
    """
    entry = resent(message, message["Body"])
    fields = {name: getattr(renewal, name) for name in Renewal.__dataclass_fields__}
    others = entry["MessageAttributes"]
    # Sorted, so that each copy of a message is the same.
    surplus = sorted(others, reverse=True)[: max(0, len(others) + 1 - MAX_ATTRIBUTES)]
    if surplus:
        fields["packed"] = {name: others.pop(name) for name in surplus}
    others[RENEWAL] = {"DataType": "String", "StringValue": json.dumps(fields, separators=(",", ":"))}
    size = size_of(entry)
    if size > MAX_MESSAGE_BYTES:
        raise Unsendable(f"its copy has {size} bytes, and SQS takes {MAX_MESSAGE_BYTES}")
    return entry


def _checked(renewal: Renewal) -> Renewal:
    """A renewal whose fields have the types that they should have, as a message may say anything."""
    message_id = renewal.message_id
    flags = (renewal.is_suspect, renewal.is_rescued, renewal.counts_receives)
    counts = (renewal.receives, renewal.attempts or 0, renewal.receives_since, renewal.begun or 0)
    if not (isinstance(message_id, str) and message_id.isascii() and 0 < len(message_id) <= MAX_ID):
        raise ValueError("it has no message id")
    are_times = all(_is_up_to(MAX_SENT_AT, time) for time in (renewal.sent_at, renewal.made_at))
    if not (are_times and all(_is_up_to(MAX_COUNT, count) for count in counts)):
        raise ValueError("a number is none")
    if any(type(flag) is not bool for flag in flags):
        raise ValueError("a flag is none")
    return renewal


def _is_up_to(limit: int, number: Any) -> bool:
    return type(number) is int and 0 <= number <= limit


def _checked_attributes(packed: dict[str, Any]) -> dict[str, Any]:
    """Packed message attributes that can be sent again."""
    for attribute in packed.values():
        if not (attribute.keys() <= {"DataType", "StringValue", "BinaryValue"} and "DataType" in attribute):
            raise ValueError("a packed attribute is none")
        if not all(isinstance(part, str) for part in attribute.values()):
            raise ValueError("a packed attribute is no text")
    return packed
