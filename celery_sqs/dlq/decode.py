"""Decoding dead messages: which task each calls, and with what. A dead message may be anything, so nothing raises."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from celery_sqs import system
from celery_sqs.errors import Undecodable
from celery_sqs.message import wire
from celery_sqs.message.unwrap import steps, unwrapped
from celery_sqs.tasks.call import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedMessage:
    """What a message asks for.

    Attributes:
        task: the task's name; empty where the message is no task call and its attributes name none.
        task_id: its task id; SQS's message id where it brings none.
        call: the task call, as its next run would get it; None where the message is no task call.
        error: why it is no task call; empty where it is one.
    """

    task: str
    task_id: str
    call: Call | None
    error: str = ""


def decode_message(
    message_id: str,
    body: str,
    attributes: dict[str, Any],
    default_task: str | None,
    is_exact: Callable[[str], bool],
    envelope: Any = None,
) -> DecodedMessage:
    """Decode a message as a worker would.

    Args:
        message_id: SQS's id.
        body: its body.
        attributes: its message attributes, as SQS gives them; binary values may be text in base64.
        default_task: the task of a message that names none.
        is_exact: says of a task's name whether the task gets exact numbers.
        envelope: what is around the messages of its queue (`celery_sqs.Queue.envelope`).
    """
    message = {
        "MessageId": message_id,
        "ReceiptHandle": "",
        "Body": body,
        "MessageAttributes": attributes,
        "Attributes": {"ApproximateReceiveCount": "1"},
    }
    try:
        decoded = wire.decode(unwrapped(message, steps(envelope)), "", "", default_task, is_exact)
    except Undecodable as error:
        task, task_id = (_text(attributes.get(name)) for name in (wire.TASK, wire.TASK_ID))
        return DecodedMessage(task=task, task_id=task_id or message_id, call=None, error=str(error))
    headers = decoded["headers"]
    args, kwargs, _embed = decoded[wire.CALL]
    call = Call(
        id=headers["id"], message_id=message_id, args=args, kwargs=kwargs, receive_count=1, worker="", headers=headers
    )
    return DecodedMessage(task=headers["task"], task_id=call.id, call=call)


def as_json(attributes: dict[str, Any]) -> str:
    """Message attributes as JSON, binary values in base64."""
    return json.dumps(attributes, default=lambda value: base64.b64encode(value).decode())


def sent_at(message: dict[str, Any]) -> datetime:
    """When a message was first sent; now, where SQS does not say."""
    try:
        return datetime.fromtimestamp(wire.sent_at(message) or system.time.time(), UTC)
    except (OverflowError, OSError, ValueError):
        return system.now(UTC)


def _text(attribute: Any) -> str:
    value = attribute.get("StringValue") if isinstance(attribute, dict) else None
    return value if isinstance(value, str) else ""
