"""kombu's own message on SQS, as plain Celery sends it: an envelope with the call as text inside.

It is understood so that a queue can change over to this layer while it holds such messages and
others still send them: nothing is lost. Only JSON is read; pickle and the like are never touched.
"""

import base64
import json
from decimal import Decimal
from typing import Any, Final

from kombu.serialization import register
from kombu.utils.json import object_hook

from tasks.sqs import exact_json

#: Under this name a worker accepts a call from an envelope (Celery's `accept_content`).
SERIALIZER: Final = "exact-kombu-json"
CONTENT_TYPE: Final = "application/x-exact-kombu-json"

#: The content type of kombu's serializer `json`, Celery's default.
KOMBU_JSON: Final = "application/json"


def recognised(value: Any) -> bool:
    """Whether a JSON value is a task call in kombu's envelope.

    An object that merely has keys of the same names is none: it may be somebody's order.
    """
    if not isinstance(value, dict):
        return False
    headers, body, properties = (value.get(key) for key in ("headers", "body", "properties"))
    return (
        isinstance(headers, dict)
        and isinstance(headers.get("task"), str)
        and isinstance(headers.get("id"), str)
        and isinstance(body, str)
        and isinstance(properties, dict)
    )


def from_base64(text: str) -> str:
    """The envelope's text from a message body of kombu's default, `sqs_base64_encoding=True`.

    Raises:
        ValueError: it is not base64 of UTF-8.
    """
    try:
        return base64.b64decode(text.strip(), validate=True).decode()
    except ValueError as error:
        raise ValueError("the body is neither a JSON object or array nor base64 of one") from error


def call_text(envelope: dict[str, Any]) -> str:
    """The JSON text of the call inside an envelope; `loads` reads it.

    Raises:
        ValueError: the call is no JSON, compressed, or in an encoding that kombu does not use for it.
    """
    content_type = envelope.get("content-type")
    content_encoding = envelope.get("content-encoding") or "utf-8"
    body_encoding = envelope["properties"].get("body_encoding") or "utf-8"
    if content_type != KOMBU_JSON or str(content_encoding).lower() != "utf-8":
        raise ValueError(f"the envelope holds {content_type!r} in {content_encoding!r}, which is never read")
    if envelope["headers"].get("compression"):
        raise ValueError("the envelope's content is compressed, which is never read")
    text: str = envelope["body"]
    match str(body_encoding).lower():
        case "utf-8":
            return text
        case "base64":
            return base64.b64decode(text, validate=True).decode()
    raise ValueError(f"the envelope has the body encoding {body_encoding!r}, which kombu does not have")


def headers(envelope: dict[str, Any]) -> dict[str, Any]:
    """The headers of an envelope as kombu would read them.

    Raises:
        ValueError: a type tag that cannot be read.
    """
    # Around again, for floats: whoever put a number into a header computes with floats.
    read: dict[str, Any] = json.loads(exact_json.dumps(envelope["headers"]), object_hook=_resolved)
    return read


def loads(text: str | bytes) -> Any:
    """The value of a JSON text by kombu: its type tags resolved, numbers with a fraction as Decimals.

    Raises:
        ValueError: not JSON, too deep, or a type tag that cannot be read.
    """
    try:
        return json.loads(text, parse_float=Decimal, object_hook=_resolved)
    except (RecursionError, ArithmeticError) as error:
        raise ValueError(f"cannot be read as JSON: {type(error).__name__}") from error


def _resolved(value: dict[str, Any]) -> Any:
    """What kombu makes of an object, which may be a type tag such as `{"__type__": "uuid", ...}`."""
    try:
        return object_hook(value)
    # The tag's content may be anything, and applications register decoders of their own.
    except Exception as error:
        raise ValueError(f"kombu's type tag cannot be read: {type(error).__name__}: {error}") from error


register(SERIALIZER, None, loads, CONTENT_TYPE, "utf-8")
