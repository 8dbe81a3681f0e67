"""Celery's message as kombu carries it: reading the one that plain Celery puts on SQS, and what a worker can take.

kombu's envelope is understood so that a queue can change over to this layer while it has such
messages and others still send them: nothing is lost. Only JSON is read; pickle and the like never.

Headers and call are checked because Celery believes them in the worker's main process, where a
wrong type ends the polling of the whole worker or deletes the message.
"""

import base64
import json
import re
from collections.abc import Callable
from datetime import MAXYEAR, MINYEAR, UTC
from decimal import Decimal
from typing import Any, Final

from celery.app.task import Context
from celery.utils.time import maybe_iso8601, maybe_make_aware
from kombu.serialization import register
from kombu.utils.json import object_hook

from celery_sqs import system
from celery_sqs.message import exact_json

#: Under this name a worker accepts a call from an envelope (Celery's `accept_content`).
SERIALIZER: Final = "exact-kombu-json"
CONTENT_TYPE: Final = "application/x-exact-kombu-json"

#: The content type of kombu's serializer `json`, Celery's default.
KOMBU_JSON: Final = "application/json"

#: The parts of a call's third element, `embed`, by the options that they are made of: signatures, or lists of them.
EMBED: Final = {"callbacks": "link", "errbacks": "link_error", "chain": "chain", "chord": "chord"}

#: Seconds. Far beyond SQS's longest lease of 12 hours, and still a number that timers can take.
MAX_TIME_LIMIT: Final = 1_000_000_000

#: Seconds that SQS delays a message, at the most.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
MAX_DELAY: Final = 900

#: What no count of failed attempts reaches, and still a number that databases take.
MAX_RETRIES: Final = 1_000_000

#: What kombu writes: the keys of its envelope, and what is always among the properties.
_KEYS: Final = frozenset({"body", "content-encoding", "content-type", "headers", "properties"})
_OF_PROPERTIES: Final = frozenset({"body_encoding", "delivery_info", "delivery_tag"})

_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")


def recognised(value: Any) -> bool:
    """Whether a JSON value is kombu's envelope: by Celery's headers in it, or because it has kombu's keys and no other.

    An object that merely has keys of the same names is none: it may be somebody's order. The headers of task protocol 1
    say nothing.
    """
    match value:
        case {"headers": dict(headers), "body": str(), "properties": dict(properties)}:
            names_call = isinstance(headers.get("task"), str) and isinstance(headers.get("id"), str)
            return names_call or (value.keys() == _KEYS and properties.keys() >= _OF_PROPERTIES)
    return False


def from_base64(text: str) -> str:
    """The text of a message body as kombu sends it by default (`sqs_base64_encoding=True`).

    Raises:
        ValueError: it is not base64 of UTF-8.
    """
    try:
        return base64.b64decode(text.strip(), validate=True).decode("utf-8-sig")
    except ValueError as error:
        raise ValueError("the body is neither a JSON object or array nor base64 of one") from error


def call_text(envelope: dict[str, Any]) -> str:
    """The JSON text of the call inside an envelope; `loads` reads it.

    Raises:
        ValueError: the call is no JSON, compressed, or in an encoding that kombu has not for it.
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
    raise ValueError(f"the envelope has the body encoding {body_encoding!r}, which is never read")


def headers(envelope: dict[str, Any]) -> dict[str, Any]:
    """The headers of an envelope as kombu reads them.

    Raises:
        ValueError: a type tag that cannot be read.
    """
    # Written and read again for floats: who puts a number into a header does not expect a Decimal.
    read: dict[str, Any] = json.loads(exact_json.dumps(envelope["headers"]), object_hook=_resolved)
    return read


def loads(text: str | bytes) -> Any:
    """The value of a JSON text by kombu: its type tags resolved, numbers with a fraction as Decimals.

    Raises:
        ValueError: not JSON, too deep, or a type tag that cannot be read.
    """
    return _loads(text, Decimal)


def celery_loads(text: str) -> Any:
    """The value of a JSON text as Celery's serializer `json` reads it: kombu's type tags resolved, floats as such.

    Raises:
        ValueError: not JSON, too deep, or a type tag that cannot be read.
    """
    return _loads(text, None)


def _loads(text: str | bytes, parse_float: Callable[[str], Any] | None) -> Any:
    try:
        return json.loads(text, parse_float=parse_float, object_hook=_resolved)
    except (RecursionError, ArithmeticError) as error:
        raise ValueError(f"cannot be read as JSON: {type(error).__name__}") from error


def _resolved(value: dict[str, Any]) -> Any:
    """What kombu makes of an object, which may be a type tag such as `{"__type__": "uuid", ...}`."""
    try:
        return object_hook(value)
    # The tag may have anything in it, and applications register decoders of their own.
    except Exception as error:
        raise ValueError(f"kombu's type tag cannot be read: {type(error).__name__}: {error}") from error


register(SERIALIZER, None, loads, CONTENT_TYPE, "utf-8")


def checked_call(value: Any) -> list[Any]:
    """`[args, kwargs, embed]`, as Celery unpacks it.

    Raises:
        ValueError: it is something else.
    """
    match value:
        case [list(), dict(), dict(embed)] if embed.keys() <= set(EMBED) and all(map(_is_embed, embed.values())):
            call: list[Any] = value
            return call
        case [list(), dict(), dict(embed)] if embed.keys() <= set(EMBED):
            option, wrong = next((EMBED[part], each) for part, each in embed.items() if not _is_embed(each))
            raise ValueError(f"{option}: {wrong!r} is neither a signature nor a list of signatures")
    raise ValueError("the body is neither an object nor [args, kwargs, embed]")


def _is_embed(value: Any) -> bool:
    return value is None or all(map(_is_signature, value if isinstance(value, list) else [value]))


def _is_signature(value: Any) -> bool:
    match value:
        case {"task": str()}:
            return all(value.get(key) is None or isinstance(value[key], dict) for key in ("kwargs", "options"))
    return False


class WrongHeader(ValueError):
    """A header has a value that a worker cannot take.

    Attributes:
        name: the header's.
        value: what it is.
    """

    def __init__(self, name: str, value: Any) -> None:
        super().__init__(f"the header {name} is {value!r}")
        self.name = name
        self.value = value


def checked_headers(given: dict[str, Any]) -> dict[str, Any]:
    """The headers that may go to Celery, of those that a message brought.

    Left out is what is no header but a field of Celery's own, such as `delivery_info` or `get`: `Task.request` takes
    every header for an attribute.

    Raises:
        WrongHeader: one of Celery's headers has a value that a worker cannot take.
    """
    headers = {}
    for name, value in given.items():
        fits = _CELERYS.get(name)
        if fits is None:
            if name not in _FIELDS or (name == INNER and isinstance(value, dict)):
                headers[name] = value
        elif value is not None:
            if not fits(value):
                raise WrongHeader(name, value)
            headers[name] = value
    return headers


def is_text(value: Any) -> bool:
    """Whether a value is text that logs, events and databases can take: not empty, no half surrogate pair."""
    if not isinstance(value, str) or not value:
        return False
    return value.isascii() or _HALF_PAIR.search(value) is None


def _is_whole(value: Any) -> bool:
    return type(value) is int  # not bool


def _is_limit(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and 0 <= value <= MAX_TIME_LIMIT)


def _are_limits(value: Any) -> bool:
    match value:
        case [hard, soft]:
            return _is_limit(hard) and _is_limit(soft)
    return False


def is_time(value: Any) -> bool:
    """Whether a value is the text of a time that a worker can take."""
    try:
        time = maybe_iso8601(value) if is_text(value) else None
    except ValueError:
        return False
    # A year from either end of the calendar, so that no time zone leads beyond it.
    return time is not None and MINYEAR < time.year < MAXYEAR


def _is_near(value: Any) -> bool:
    time: Any = maybe_iso8601(value) if is_time(value) else None
    return time is not None and (maybe_make_aware(time) - system.now(UTC)).total_seconds() <= MAX_DELAY


def _are_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(is_text, value))


#: A header of ours: the priority that the caller gave, where it is not 0. SQS has none.
PRIORITY: Final = "sqs_priority"

#: A header of ours: the `eta` that SQS has waited for by itself. One further away would wait in the worker.
WAITED_FOR: Final = "sqs_eta"

#: A header of ours: kombu's properties of a message, as far as they are not of this transport's own making.
PROPERTIES: Final = "sqs_properties"
CARRIED: Final = frozenset({"app_id", "cluster_id", "correlation_id", "message_id", "timestamp", "type", "user_id"})

#: A header of Celery's that is the task's `request.headers`: there Sentry and others look for what they have sent.
INNER: Final = "headers"

#: Celery's own headers, and ours, and what its worker can take in them.
_CELERYS: Final[dict[str, Callable[[Any], bool]]] = {
    "argsrepr": lambda value: value == "" or is_text(value),
    "eta": is_time,
    "expires": is_time,
    "group": is_text,
    "group_index": _is_whole,
    "ignore_result": lambda value: isinstance(value, bool),
    "kwargsrepr": lambda value: value == "" or is_text(value),
    "origin": is_text,
    "parent_id": is_text,
    "replaced_task_nesting": _is_whole,
    "retries": lambda value: _is_whole(value) and 0 <= value <= MAX_RETRIES,
    "root_id": is_text,
    "shadow": is_text,
    "stamped_headers": _are_names,
    PRIORITY: _is_whole,
    PROPERTIES: lambda value: isinstance(value, dict) and value.keys() <= CARRIED,
    "stamps": lambda value: isinstance(value, dict),
    "timelimit": _are_limits,
    WAITED_FOR: _is_near,
}

#: And `compression`: kombu would unpack the body, and Celery deletes what cannot be unpacked.
_FIELDS: Final = frozenset(dir(Context)) | {"compression"}

#: The headers that decide over a message. A caller who sets one wants what Celery makes of it.
CELERYS: Final = frozenset(_CELERYS) | {"task", "id", "compression"}
