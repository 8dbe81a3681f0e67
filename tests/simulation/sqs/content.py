"""What a sender says of a message: whether SQS takes it, how long it is, and its digests.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

import base64
import functools
import hashlib
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.simulation.sqs.refusal import Refused, invalid, missing

MAX_ATTRIBUTES: Final = 10

_REFUSED: Final = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME: Final = re.compile(r"(?!(?i:aws|amazon)\.|\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)", re.ASCII)
_TYPE: Final = re.compile(r"(String|Number|Binary)(\..+)?")

_STRING, _BINARY = b"\x01", b"\x02"  # how a digest tells the types apart


@dataclass(frozen=True, slots=True)
class Content:
    """A message that SQS takes.

    Attributes:
        size: the bytes that SQS counts: the body, and each attribute's name, type and value.
        md5_body: digest of its body.
        md5_attributes: digest of its attributes; empty without any.
    """

    size: int
    md5_body: str
    md5_attributes: str


def content_of(entry: Mapping[str, Any]) -> Content:
    """What is sent with one entry.

    Raises:
        Refused: SQS does not take it.
    """
    text = entry.get("MessageBody")
    if not text:
        raise missing("MessageBody")
    attributes = entry.get("MessageAttributes") or {}
    if _REFUSED.search("".join([text, *(each.get("StringValue") or "" for each in attributes.values())])):
        raise Refused("InvalidMessageContents", "Invalid characters were found.")
    if len(attributes) > MAX_ATTRIBUTES:
        raise invalid("MessageAttributes", len(attributes), f"A message has at most {MAX_ATTRIBUTES} attributes.")
    body = text.encode()
    encoded = [_encoded(name, attributes[name]) for name in sorted(attributes)]
    # The lengths of name, type and value, and the kind of the value, are not counted.
    size = len(body) + sum(map(len, encoded)) - 13 * len(encoded)
    return Content(size, _md5(body), _md5(b"".join(encoded)) if encoded else "")


def md5_of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """The digest of attributes that SQS has taken."""
    return _md5(b"".join(_encoded(name, attributes[name]) for name in sorted(attributes)))


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _encoded(name: str, attribute: Mapping[str, Any]) -> bytes:
    """An attribute as it is digested."""
    data_type = attribute.get("DataType", "")
    prefix = _prefix(name, data_type)
    text = attribute.get("BinaryValue" if data_type.startswith("Binary") else "StringValue")
    if not text:
        raise invalid("MessageAttributes", name, f"An attribute of type {data_type} has to have a value.")
    if data_type.startswith("Number") and not _is_number(text):
        raise invalid("MessageAttributes", name, "Can't cast the value of the attribute to a number.")
    value = base64.b64decode(text) if data_type.startswith("Binary") else text.encode()
    return prefix + struct.pack("!I", len(value)) + value


@functools.lru_cache
def _prefix(name: str, data_type: str) -> bytes:
    """What the digest has of an attribute before its value."""
    if not _NAME.fullmatch(name):
        raise invalid("MessageAttributes", name, "The attribute's name is not allowed.")
    if not _TYPE.fullmatch(data_type):
        raise invalid("MessageAttributes", name, f"The type {data_type!r} is not allowed.")
    parts = (name.encode(), data_type.encode())
    kind = _BINARY if data_type.startswith("Binary") else _STRING
    return b"".join(struct.pack("!I", len(part)) + part for part in parts) + kind


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
