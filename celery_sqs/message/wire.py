"""The wire format: what a task call looks like as an SQS message, in both directions.

A call with one JSON object travels as that object and nothing else, so that any producer or
consumer in any language can take part. Task name, id and Celery's other headers ride in message
attributes. Every other call keeps Celery's own body, the array `[args, kwargs, embed]`.

Without our attributes an object is kombu's own envelope (`celery_sqs.message.envelope`), or a call of the
queue's default task. What a body is, `celery_sqs.message.content` knows. Both ways a call of task protocol 1
becomes one of protocol 2 first (`celery_sqs.message.protocol1`).
"""

import json
from collections.abc import Callable
from typing import Any, Final

from celery_sqs.errors import Undecodable, Unsendable
from celery_sqs.message import content, envelope, exact_json, options, protocol1
from celery_sqs.message.content import Content, without_half_pairs
from celery_sqs.message.names import MAX_NAME, require_named
from celery_sqs.message.nesting import shallow
from celery_sqs.message.outgoing import Outgoing, escaped, outgoing
from celery_sqs.message.renewal import RENEWAL

#: The serializers of what `decode` returns: a worker's `accept_content`.
ACCEPTED: Final = (exact_json.SERIALIZER, envelope.SERIALIZER, "json")

#: The key of the parsed `[args, kwargs, embed]` in what `decode` returns.
CALL: Final = "call"

#: What some producers write before their JSON. No JSON begins so, and nothing is lost without it.
BYTE_ORDER_MARK: Final = "\ufeff"

#: Characters of a recorded reason: an error may quote the whole message.
MAX_REASON: Final = 500

TASK: Final = "celery_task"
TASK_ID: Final = "celery_id"
HEADERS: Final = "celery_headers"
OURS: Final = frozenset({TASK, TASK_ID, HEADERS})

#: The header that says a worker how many receives the queue allows; None without a redrive policy.
MAX_RECEIVE_COUNT: Final = "sqs_max_receive_count"

#: The header that says how often SQS has handed out the message, this time included.
RECEIVE_COUNT: Final = "sqs_receive_count"

#: The header that counts the failed attempts at this message. `retries` are those of the call: of the messages that
#: this one was sent in place of, too.
ATTEMPTS: Final = "sqs_attempts"

#: Headers that have a place of their own, or that the receiving side works out again.
_DERIVED: Final = frozenset(
    {"task", "id", "lang", "message_id", "sqs_sent_at"} | {ATTEMPTS, MAX_RECEIVE_COUNT, RECEIVE_COUNT}
)

#: Celery's headers when nobody set them and they are not None. Its worker assumes the same where one is missing.
_UNSET: Final[dict[str, Any]] = {
    "argsrepr": "",
    "kwargsrepr": "",
    "replaced_task_nesting": 0,
    "retries": 0,
    "stamps": {},
    "timelimit": [None, None],
}

#: What a stranger's message can make parsers and checks raise.
_MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def encode(message: dict[str, Any], is_exact: Callable[[str], bool], others: Any = None) -> Outgoing:
    """The SQS message of a kombu message, whose body is a task call in JSON.

    Args:
        message: kombu's, in task protocol 2: see `upgraded`.
        is_exact: says of a task's name whether the task gets exact numbers.
        others: the caller's own message attributes.

    Raises:
        Unsendable: SQS would refuse it, or it is no task call in JSON.
    """
    try:
        headers = message["headers"]
        _require_json(message)
        body = content.written(message["body"], message["content-type"], is_exact(headers["task"]))
        attributes = _attributes({**headers, **_beside(message)})
    except _MALFORMED as error:
        raise Unsendable(_reason(error)) from error
    return outgoing(body, attributes, others)


def upgraded(message: dict[str, Any]) -> dict[str, Any]:
    """A kombu message with a call in task protocol 2, for one in protocol 1; one in protocol 2 as it is.

    Raises:
        Unsendable: it is no task call in JSON.
    """
    headers = message["headers"]
    if "task" in headers:
        return message
    try:
        _require_json(message)
        text, headers = protocol1.converted(message["body"], headers)
    except _MALFORMED as error:
        raise Unsendable(_reason(error)) from error
    return message | {"body": text, "headers": headers}


def _require_json(message: dict[str, Any]) -> None:
    if message["headers"].get("compression"):
        raise ValueError("the body is compressed: send it without, a message on SQS is to be readable JSON")
    content.require_json(message["content-type"])


def priority(message: dict[str, Any]) -> Any:
    """The priority that a kombu message was given; 0 for none."""
    return (message.get("properties") or {}).get("priority") or 0


def _beside(message: dict[str, Any]) -> dict[str, Any]:
    """The headers of ours that keep what of a kombu message has no place in SQS's."""
    given = message.get("properties") or {}
    properties = {name: given[name] for name in envelope.CARRIED & given.keys()}
    if properties.get("correlation_id") == message["headers"].get("id"):
        del properties["correlation_id"]  # as it is unless the caller says otherwise
    return {envelope.PRIORITY: priority(message) or None, envelope.PROPERTIES: properties or None}


def encode_object(value: dict[str, Any], headers: dict[str, Any], is_exact: bool, others: Any = None) -> Outgoing:
    """The SQS message of a task call with one object: what `encode` makes of it.

    Args:
        value: the object.
        headers: Celery's; at least `task` and `id`.
        is_exact: whether the task gets exact numbers.
        others: the caller's own message attributes; see `celery_sqs.message.outgoing.outgoing`.

    Raises:
        Unsendable: SQS would refuse it, or it is no JSON.
    """
    try:
        body, attributes = content.written_object(value, is_exact), _attributes(headers)
    except _MALFORMED as error:
        raise Unsendable(_reason(error)) from error
    return outgoing(body, attributes, others)


def _attributes(headers: dict[str, Any]) -> dict[str, str]:
    """The text of each message attribute."""
    attributes = {TASK: headers["task"], TASK_ID: headers["id"]}
    others = {
        key: value
        for key, value in options.checked(headers).items()
        if key not in _DERIVED and (key not in _UNSET or value != _UNSET[key])
    }
    if others.get("root_id") == headers["id"]:
        del others["root_id"]
    if others:
        text = options.written(others)
        shallow(text, others)
        attributes[HEADERS] = escaped(text)
    return attributes


def decode(
    message: Any,
    queue: str,
    queue_url: str,
    default_task: str | None,
    is_exact: Callable[[str], bool],
    max_receive_count: int | None = None,
    attempts: int | None = None,
) -> dict[str, Any]:
    """The kombu message of a received SQS message, with the parsed call beside it as `CALL`.

    Celery can make a request of any that this returns: what would raise in a worker's main process is refused here.

    Args:
        message: an entry of ReceiveMessage's answer, with attributes, from `celery_sqs.message.unwrap.unwrapped`.
        queue: the queue's name.
        queue_url: the queue's URL.
        default_task: the task for an object that names none.
        is_exact: says of a task's name whether the task gets exact numbers.
        max_receive_count: receives that the queue allows, where it has a redrive policy.
        attempts: failed attempts at this message so far; None: each receive before this one counts as one.

    Raises:
        Undecodable: it is no task call.
    """
    try:
        called, headers = _parse(message, default_task, is_exact)
        headers[MAX_RECEIVE_COUNT] = max_receive_count
        headers[ATTEMPTS] = headers[RECEIVE_COUNT] - 1 if attempts is None else attempts
        headers["retries"] = headers.get("retries", 0) + headers[ATTEMPTS]
        return {
            "body": called.text,
            "content-type": called.content_type,
            "content-encoding": "utf-8",
            "headers": headers,
            "properties": _properties(message["ReceiptHandle"], queue, queue_url, headers),
            CALL: called.call,
        }
    except _MALFORMED as error:
        raise Undecodable(_reason(error)) from error


def _properties(receipt_handle: Any, queue: str, queue_url: str, headers: dict[str, Any]) -> dict[str, Any]:
    redelivered = headers[RECEIVE_COUNT] > 1
    info = {"exchange": "", "routing_key": queue, "queue_url": queue_url, "redelivered": redelivered}
    ours = {"priority": headers.pop(envelope.PRIORITY, 0), "correlation_id": headers["id"]}
    return {**ours, **headers.pop(envelope.PROPERTIES, {}), "delivery_tag": receipt_handle, "delivery_info": info}


def sent_at(message: Any) -> float | None:
    """When SQS took a message in, in seconds since the epoch; None where it does not say."""
    try:
        return int(message["Attributes"]["SentTimestamp"]) / 1000
    except (LookupError, TypeError, ValueError):
        return None


def _parse(message: Any, default_task: str | None, is_exact: Callable[[str], bool]) -> tuple[Content, dict[str, Any]]:
    """Call and headers of a received message."""
    called, given = _opened(message, default_task, is_exact)
    if not called.text.isascii():
        called.text.encode()  # kombu will, and Celery deletes the message where that fails
    task, task_id = given.get("task"), given.get("id")
    require_named(task, task_id)
    known = {
        "lang": "py",
        "task": task,
        "id": task_id,
        "message_id": message["MessageId"],
        RECEIVE_COUNT: _receive_count(message),
        "sqs_sent_at": sent_at(message),
    }
    headers = {"root_id": task_id} | envelope.checked_headers(given) | known
    if envelope.WAITED_FOR in headers:
        headers["eta"] = headers.pop(envelope.WAITED_FOR)
    # A caller may have something else shown than the arguments: they may be secret.
    for name, made in (("argsrepr", called.argsrepr), ("kwargsrepr", called.kwargsrepr)):
        headers[name] = (headers.get(name) or made)[: content.MAX_REPR]
    if shadow := headers.get("shadow"):  # Celery logs it in place of the name
        headers["shadow"] = shadow[:MAX_NAME]
    return called, headers


def _opened(message: Any, default_task: str | None, is_exact: Callable[[str], bool]) -> tuple[Content, dict[str, Any]]:
    """Call and unchecked headers of a message."""
    body, ours = message["Body"], _our_attributes(message)
    if RENEWAL in (message.get("MessageAttributes") or {}):
        raise ValueError(f"{RENEWAL} cannot be read")
    if not isinstance(body, str):
        raise ValueError("the body is no text")
    body = body.removeprefix(BYTE_ORDER_MARK)
    task = ours.get(TASK, default_task)
    # With our attributes even an object that looks like an envelope is just somebody's argument.
    if not ours:
        in_base64 = not body.lstrip().startswith(("{", "["))
        # kombu's envelope has this word, and nearly no other message: those are parsed once.
        text = envelope.from_base64(body) if in_base64 else body
        value: Any = shallow(text, exact_json.loads(text)) if in_base64 or '"headers"' in text else None
        if envelope.recognised(value):
            value = protocol1.upgraded(value)
            headers = envelope.headers(value) | _beside(value)
            return content.read_enveloped(envelope.call_text(value), is_exact(headers.get("task", ""))), headers
        if in_base64:
            raise ValueError("the body is base64, and not of kombu's envelope")
    headers = json.loads(ours.get(HEADERS, "{}"))
    if not isinstance(headers, dict):
        raise ValueError(f"{HEADERS} is no object")
    names = {"task": task, "id": ours.get(TASK_ID) or message["MessageId"]}
    return content.read(body, is_exact(task or "")), shallow(ours.get(HEADERS, ""), headers) | names


def _our_attributes(message: Any) -> dict[str, str]:
    """The text of our attributes. Producers may have others of their own, of any type."""
    given = message.get("MessageAttributes") or {}
    ours = {}
    for name in OURS & given.keys():
        text = given[name].get("StringValue")
        if not isinstance(text, str):
            raise ValueError(f"{name} is no text")
        ours[name] = text
    return ours


def _receive_count(message: Any) -> int:
    count = int(message["Attributes"]["ApproximateReceiveCount"])
    if count < 1:
        raise ValueError(f"SQS says that it was received {count} times")
    return count


def _reason(error: Exception) -> str:
    """What was wrong, for a log and a record."""
    kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
    return without_half_pairs(f"{kind}{error}"[:MAX_REASON])
