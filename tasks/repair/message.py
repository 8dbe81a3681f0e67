"""A dead message read: which task and order it names. It may be anything, so reading it never fails."""

import base64
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from celery_sqs.errors import Undecodable
from celery_sqs.message import wire
from orders.fields import parse_order_id
from orders.order import Order
from orders.schema import InvalidOrder, from_message
from tasks.orders import PERSIST_ORDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a message asks for.

    Attributes:
        task: the task's name; empty where the message is none and names none.
        task_id: its id.
        argument: its first argument.
        undecodable: why it is no task call; None where it is one.
    """

    task: str
    task_id: str
    argument: Any
    undecodable: str | None

    @property
    def order_id(self) -> UUID | None:
        """The order that it names, if it does."""
        named = self.argument.get("orderId") if isinstance(self.argument, dict) else None
        return parse_order_id(named) if isinstance(named, str) else None


def read(message_id: str, body: str, attributes: dict[str, Any]) -> Call:
    """What a message asks for, as a worker would read it.

    Args:
        message_id: SQS's id.
        body: its body.
        attributes: its message attributes, as SQS gave them or as a letter has them.
    """
    message = {
        "MessageId": message_id,
        "ReceiptHandle": "",
        "Body": body,
        "MessageAttributes": attributes,
        "Attributes": {"ApproximateReceiveCount": "1"},
    }
    try:
        decoded = wire.decode(message, "", "", PERSIST_ORDER)
    except Undecodable as error:
        task, task_id = (_text(attributes.get(name)) for name in (wire.TASK, wire.TASK_ID))
        return Call(task=task, task_id=task_id or message_id, argument=None, undecodable=str(error))
    args, headers = decoded[wire.CALL][0], decoded["headers"]
    return Call(task=headers["task"], task_id=headers["id"], argument=args[0] if args else None, undecodable=None)


def order_in(body: str) -> Order | None:
    """The order that a body spells; None if it is none."""
    try:
        return from_message(read("-", body, {}).argument)
    except InvalidOrder:
        return None


def as_json(attributes: dict[str, Any]) -> str:
    """Message attributes as JSON, binary values in base64."""
    return json.dumps(attributes, default=lambda value: base64.b64encode(value).decode())


def sent_at(message: dict[str, Any]) -> datetime:
    """When a message was first sent; now, where SQS does not say."""
    try:
        return datetime.fromtimestamp(wire.sent_at(message) or time.time(), UTC)
    except (OverflowError, OSError, ValueError):
        return datetime.now(UTC)


def _text(attribute: Any) -> str:
    value = attribute.get("StringValue") if isinstance(attribute, dict) else None
    return value if isinstance(value, str) else ""
