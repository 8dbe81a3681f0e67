"""The wire format: what a task call looks like as an SQS message, in both directions.

A call with one JSON object travels as that object and nothing else, so that any producer or
consumer in any language can take part. Task name, id and Celery's other headers ride in message
attributes. Every other call keeps Celery's own body, the array `[args, kwargs, embed]`.

Without our attributes an object is kombu's own envelope (`celery_sqs.message.envelope`), or a call of the
queue's default task.
"""

import json
from typing import Any, Final

from celery.utils.saferepr import saferepr

from celery_sqs.errors import Undecodable, Unsendable
from celery_sqs.message import envelope, exact_json
from celery_sqs.message.outgoing import Outgoing, escaped, outgoing
from celery_sqs.message.renewal import RENEWAL

#: The serializers of what `decode` returns: a worker's `accept_content`.
ACCEPTED: Final = (exact_json.SERIALIZER, envelope.SERIALIZER)

#: The key of the parsed `[args, kwargs, embed]` in what `decode` returns.
CALL: Final = "call"

#: Levels of lists and objects. Python reads, pickles and prints a value recursively, and how deep it
#: gets depends on the caller: what can be read here could fail in Celery, which deletes what it cannot read.
MAX_NESTING: Final = 200

#: Characters of a recorded reason: an error may quote the whole message.
MAX_REASON: Final = 500

MAX_REPR: Final = 1024  # characters of arguments in logs and events; Celery's own default

TASK: Final = "celery_task"
TASK_ID: Final = "celery_id"
HEADERS: Final = "celery_headers"
_OURS: Final = frozenset({TASK, TASK_ID, HEADERS})

#: The header that says a worker how many receives the queue allows; None without a redrive policy.
MAX_RECEIVE_COUNT: Final = "sqs_max_receive_count"

#: The header that says how often SQS has handed out the message, this time included.
RECEIVE_COUNT: Final = "sqs_receive_count"

#: The header that counts the failed attempts at this message. `retries` are those of the call: of the messages that
#: this one was sent in place of, too.
ATTEMPTS: Final = "sqs_attempts"

#: Headers that have a place of their own, or that the receiving side works out again.
_DERIVED: Final = frozenset(
    {"task", "id", "lang", "argsrepr", "kwargsrepr", "message_id", "sqs_sent_at"}
    | {ATTEMPTS, MAX_RECEIVE_COUNT, RECEIVE_COUNT}
)

#: Celery's headers when nobody set them and they are not None. Its worker assumes the same where one is missing.
_UNSET: Final[dict[str, Any]] = {"replaced_task_nesting": 0, "retries": 0, "stamps": {}, "timelimit": [None, None]}

#: What follows the one argument in the body of a call that travels as a plain object.
_NO_OPTIONS: Final = "],{}," + exact_json.dumps(dict.fromkeys(envelope.EMBED)) + "]"

#: What a stranger's message can make parsers and checks raise.
_MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def encode(message: dict[str, Any]) -> Outgoing:
    """The SQS message of a kombu message, whose body is a task call in JSON.

    Raises:
        Unsendable: SQS would refuse it, or it is no task call in JSON.
    """
    try:
        body, attributes = _body(message), _attributes(message["headers"])
    except _MALFORMED as error:
        raise Unsendable(_reason(error)) from error
    return outgoing(body, attributes)


def encode_object(value: dict[str, Any], headers: dict[str, Any]) -> Outgoing:
    """The SQS message of a task call with one object: what `encode` makes of it.

    Args:
        value: the object.
        headers: Celery's; at least `task` and `id`.

    Raises:
        Unsendable: SQS would refuse it, or it is no JSON.
    """
    try:
        body = exact_json.dumps(value)
        # What Python can write may be what nobody can read, such as an object that names a key twice.
        _shallow(body, exact_json.loads(body))
        attributes = _attributes(headers)
    except _MALFORMED as error:
        raise Unsendable(_reason(error)) from error
    return outgoing(body, attributes)


def _body(message: dict[str, Any]) -> str:
    """A message's call as it travels."""
    text, content_type = message["body"], message["content-type"]
    if message["headers"].get("compression"):
        raise ValueError("the body is compressed: send it without, SQS is to hold readable JSON")
    if content_type == envelope.KOMBU_JSON:
        text = exact_json.dumps(envelope.loads(text))
    elif content_type != exact_json.CONTENT_TYPE:
        raise ValueError(f"the body is {content_type!r}: this transport sends JSON")
    # Nearly every call: the object is in there as text, and need not be written again.
    if text.startswith("[[{") and text.endswith(_NO_OPTIONS):
        plain: str = text[2 : -len(_NO_OPTIONS)]
        try:
            _shallow(plain, exact_json.loads(plain))
        except ValueError:
            pass  # several arguments, or what the next lines refuse
        else:
            return plain
    args, kwargs, embed = envelope.checked_call(_shallow(text, exact_json.loads(text)))
    is_plain = not kwargs and not any(embed.values()) and len(args) == 1 and isinstance(args[0], dict)
    return exact_json.dumps(args[0]) if is_plain else text


def _attributes(headers: dict[str, Any]) -> dict[str, str]:
    """The text of each message attribute."""
    attributes = {TASK: headers["task"], TASK_ID: headers["id"]}
    for name, text in attributes.items():
        if not (isinstance(text, str) and text):
            raise ValueError(f"{name} is {text!r}, and not text")
    others = {
        key: value
        for key, value in envelope.checked_headers(headers).items()
        if key not in _DERIVED and (key not in _UNSET or value != _UNSET[key])
    }
    if others.get("root_id") == headers["id"]:
        del others["root_id"]
    if others:
        text = exact_json.dumps(others)
        _shallow(text, others)
        attributes[HEADERS] = escaped(text)
    return attributes


def decode(
    message: Any,
    queue: str,
    queue_url: str,
    default_task: str | None,
    max_receive_count: int | None = None,
    attempts: int | None = None,
) -> dict[str, Any]:
    """The kombu message of a received SQS message, with the parsed call beside it as `CALL`.

    Celery can make a request of any that this returns: what would raise in a worker's main process is refused here.

    Args:
        message: an entry of ReceiveMessage's answer, with attributes, from `celery_sqs.message.renewal.opened`.
        queue: the queue's name.
        queue_url: the queue's URL.
        default_task: the task for an object that names none.
        max_receive_count: receives that the queue allows, where it has a redrive policy.
        attempts: failed attempts at this message so far; None: each receive before this one counts as one.

    Raises:
        Undecodable: it is no task call.
    """
    try:
        content_type, body, call, headers = _parse(message, default_task)
        headers[MAX_RECEIVE_COUNT] = max_receive_count
        headers[ATTEMPTS] = headers[RECEIVE_COUNT] - 1 if attempts is None else attempts
        headers["retries"] = headers.get("retries", 0) + headers[ATTEMPTS]
        where = _delivery_info(queue, queue_url, headers[RECEIVE_COUNT])
        return {
            "body": body,
            "content-type": content_type,
            "content-encoding": "utf-8",
            "headers": headers,
            "properties": {"delivery_tag": message["ReceiptHandle"], "delivery_info": where},
            CALL: call,
        }
    except _MALFORMED as error:
        raise Undecodable(_reason(error)) from error


def _delivery_info(queue: str, queue_url: str, receive_count: int) -> dict[str, Any]:
    return {"exchange": "", "routing_key": queue, "queue_url": queue_url, "redelivered": receive_count > 1}


def sent_at(message: Any) -> float | None:
    """When SQS took a message in, in seconds since the epoch; None where it does not say."""
    try:
        return int(message["Attributes"]["SentTimestamp"]) / 1000
    except (LookupError, TypeError, ValueError):
        return None


def _parse(message: Any, default_task: str | None) -> tuple[str, str, list[Any], dict[str, Any]]:
    """Content type, body, call and headers of a received message."""
    content_type, body, value, given = _opened(message, default_task)
    if not body.isascii():
        body.encode()  # kombu will, and Celery deletes the message where that fails
    if isinstance(value, dict) and content_type == exact_json.CONTENT_TYPE:
        call = [[value], {}, dict.fromkeys(envelope.EMBED)]
        args, kwargs = f"[{body[:MAX_REPR]}]", "{}"
        body = f"[[{body}{_NO_OPTIONS}"
    else:
        call = envelope.checked_call(value)
        args, kwargs = (_safe(saferepr(part, MAX_REPR)) for part in call[:2])
    task, task_id = given["task"], given["id"]
    if not (envelope.is_text(task) and envelope.is_text(task_id)):
        raise ValueError("it names no task, or has no id")
    known = {
        "lang": "py",
        "task": task,
        "id": task_id,
        "message_id": message["MessageId"],
        RECEIVE_COUNT: _receive_count(message),
        "sqs_sent_at": sent_at(message),
        "argsrepr": args,
        "kwargsrepr": kwargs,
    }
    return content_type, body, call, {"root_id": task_id} | envelope.checked_headers(given) | known


def _opened(message: Any, default_task: str | None) -> tuple[str, str, Any, dict[str, Any]]:
    """Content type, text, value and unchecked headers of what a message holds."""
    body, ours = message["Body"], _our_attributes(message)
    if RENEWAL in (message.get("MessageAttributes") or {}):
        raise ValueError(f"{RENEWAL} cannot be read")
    if not isinstance(body, str):
        raise ValueError("the body is no text")
    in_base64 = not ours and not body.lstrip().startswith(("{", "["))
    if in_base64:
        body = envelope.from_base64(body)
    value = _shallow(body, exact_json.loads(body))
    # With our attributes even an object that looks like an envelope is just somebody's argument.
    if not ours and envelope.recognised(value):
        body, headers = envelope.call_text(value), envelope.headers(value)
        return envelope.CONTENT_TYPE, body, _shallow(body, envelope.loads(body)), headers
    if in_base64:
        raise ValueError("the body is base64, and not of kombu's envelope")
    headers = json.loads(ours.get(HEADERS, "{}"))
    if not isinstance(headers, dict):
        raise ValueError(f"{HEADERS} is no object")
    names = {"task": ours.get(TASK, default_task), "id": ours.get(TASK_ID) or message["MessageId"]}
    return exact_json.CONTENT_TYPE, body, value, _shallow(ours.get(HEADERS, ""), headers) | names


def _our_attributes(message: Any) -> dict[str, str]:
    """The text of our attributes. Producers may have others of their own, of any type."""
    given = message.get("MessageAttributes") or {}
    ours = {}
    for name in _OURS & given.keys():
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


def _shallow(text: str, value: Any) -> Any:
    """The value of a JSON text, if it is not nested too deep."""
    # An order has one bracket. Only for far more is the depth worth a walk.
    if text.count("[") + text.count("{") > MAX_NESTING:
        level, depth = [value], 0
        while level := [child for parent in level for child in _children(parent)]:
            depth += 1
            if depth > MAX_NESTING:
                raise ValueError(f"it is nested deeper than {MAX_NESTING} levels")
    return value


def _children(value: Any) -> list[Any]:
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
    return []


def _reason(error: Exception) -> str:
    """What was wrong, for a log and a record."""
    kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
    return _safe(f"{kind}{error}"[:MAX_REASON])


def _safe(text: str) -> str:
    """Text without half surrogate pairs, which neither logs nor databases take."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
