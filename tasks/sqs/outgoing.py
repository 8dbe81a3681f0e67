"""A message as SendMessage takes it, or the reason why it would not."""

import re
from dataclasses import dataclass
from typing import Any, Final

from tasks.sqs.errors import Unsendable

#: Bytes of body and attributes together:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_MESSAGE_BYTES: Final = 1024 * 1024

_TYPE: Final = "String"  # of each of our attributes; its name counts towards a message's size

#: What SQS takes in text:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_REFUSED: Final = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as SendMessage takes it."""

    body: str
    attributes: dict[str, Any]


def outgoing(body: str, attributes: dict[str, str]) -> Outgoing:
    """The message of a JSON text and the texts of its attributes.

    Raises:
        Unsendable: SQS would refuse it.
    """
    body = escaped(body)
    _check(body, attributes)
    return Outgoing(body, {key: {"DataType": _TYPE, "StringValue": text} for key, text in attributes.items()})


def escaped(text: str) -> str:
    """A JSON text in characters that SQS takes; only inside a string can it have others."""
    return text if text.isascii() else _REFUSED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _check(body: str, attributes: dict[str, str]) -> None:
    size = len(attributes) * len(_TYPE) + len(body.encode())
    for text in (*attributes, *attributes.values()):
        refused = _REFUSED.search(text)
        if refused:
            raise Unsendable(f"SQS takes no character U+{ord(refused[0]):04X}")
        size += len(text.encode())
    if size > MAX_MESSAGE_BYTES:
        raise Unsendable(f"the message has {size} bytes, and SQS takes {MAX_MESSAGE_BYTES}")
