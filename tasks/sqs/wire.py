"""The wire format: what a task call looks like as an SQS message, in both directions.

A call with one JSON object travels as that object and nothing else, so that any producer or
consumer in any language can take part. Task name, id and Celery's other headers ride in message
attributes. Every other call keeps Celery's own body, the array `[args, kwargs, embed]`.

An object without our attributes is a call of the queue's default task.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from celery.utils.saferepr import saferepr

from tasks.sqs import exact_json
from tasks.sqs.errors import Undecodable, Unsendable

#: Bytes of body and attributes together:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_MESSAGE_BYTES: Final = 1024 * 1024

TASK: Final = "celery_task"
TASK_ID: Final = "celery_id"
HEADERS: Final = "celery_headers"
_OURS: Final = frozenset({TASK, TASK_ID, HEADERS})

_TYPE: Final = "String"  # of each of our attributes; its name counts towards a message's size

#: What SQS takes in text:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_REFUSED: Final = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: Headers that have a place of their own, or that the receiving side works out again.
_DERIVED: Final = frozenset({"task", "id", "lang", "argsrepr", "kwargsrepr", "retries", "ignore_result"})

#: Values that a header has when nobody set it.
_SAYS_NOTHING: Final[tuple[Any, ...]] = (None, 0, "", [], {}, [None, None])

_NO_EMBED: Final[dict[str, None]] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as SendMessage takes it."""

    body: str
    attributes: dict[str, Any]


def encode(envelope: dict[str, Any]) -> Outgoing:
    """The SQS message of a kombu envelope, whose body is a task call in exact JSON.

    Raises:
        Unsendable: SQS would refuse it.
    """
    headers = envelope["headers"]
    args, kwargs, embed = exact_json.loads(envelope["body"])
    plain = not kwargs and not any(embed.values()) and len(args) == 1 and isinstance(args[0], dict)
    body = exact_json.dumps(args[0] if plain else [args, kwargs, embed])
    attributes = {TASK: headers["task"], TASK_ID: headers["id"]}
    others = {key: value for key, value in headers.items() if key not in _DERIVED and value not in _SAYS_NOTHING}
    if others.get("root_id") == headers["id"]:
        del others["root_id"]
    if others:
        attributes[HEADERS] = json.dumps(others, separators=(",", ":"))
    _check(body, attributes)
    return Outgoing(body, {key: {"DataType": _TYPE, "StringValue": text} for key, text in attributes.items()})


def decode(message: Any, queue: str, queue_url: str, default_task: str | None) -> dict[str, Any]:
    """The kombu envelope of a received SQS message.

    Args:
        message: an entry of ReceiveMessage's answer, with attributes.
        queue: the queue's name.
        queue_url: the queue's URL.
        default_task: the task for an object that names none.

    Raises:
        Undecodable: it is no task call.
    """
    try:
        body, headers = _parse(message, default_task)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Undecodable(f"{type(error).__name__}: {error}") from error
    return {
        "body": body,
        "content-type": exact_json.CONTENT_TYPE,
        "content-encoding": "utf-8",
        "headers": headers,
        "properties": {
            "delivery_tag": message["ReceiptHandle"],
            "delivery_info": {"exchange": "", "routing_key": queue, "queue_url": queue_url},
        },
    }


def _parse(message: Any, default_task: str | None) -> tuple[str, dict[str, Any]]:
    """Celery's body and headers of a received message."""
    # Producers may have attributes of their own, of any type.
    given = message.get("MessageAttributes", {})
    attributes = {key: value["StringValue"] for key, value in given.items() if key in _OURS}
    headers = json.loads(attributes.get(HEADERS, "{}"))
    args, kwargs, embed = _call(exact_json.loads(message["Body"]))
    task = attributes.get(TASK, default_task)
    if task is None or not isinstance(headers, dict):
        raise ValueError("it names no task, or its headers are no object")
    task_id = attributes.get(TASK_ID, message["MessageId"])
    known = {
        "lang": "py",
        "task": task,
        "id": task_id,
        "root_id": headers.get("root_id", task_id),
        "retries": int(message["Attributes"]["ApproximateReceiveCount"]) - 1,  # SQS alone counts attempts
        "argsrepr": saferepr(args),
        "kwargsrepr": saferepr(kwargs),
    }
    return exact_json.dumps([args, kwargs, embed]), headers | known


def _call(value: Any) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    if isinstance(value, dict):
        return [value], {}, dict(_NO_EMBED)
    args, kwargs, embed = value
    if not (isinstance(args, list) and isinstance(kwargs, dict) and isinstance(embed, dict)):
        raise ValueError("the body is neither an object nor [args, kwargs, embed]")
    return args, kwargs, embed


def _check(body: str, attributes: dict[str, str]) -> None:
    size = len(attributes) * len(_TYPE)
    for text in (body, *attributes, *attributes.values()):
        refused = _REFUSED.search(text)
        if refused:
            raise Unsendable(f"SQS takes no character U+{ord(refused[0]):04X}")
        size += len(text.encode())
    if size > MAX_MESSAGE_BYTES:
        raise Unsendable(f"the message has {size} bytes, and SQS takes {MAX_MESSAGE_BYTES}")
