"""What is wrong with an order that an operator has edited, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

from celery_sqs import exact_json
from celery_sqs.dlq import DeadMessage
from orders.schema import InvalidOrder, from_message
from tasks.orders import PERSIST_ORDER


def order_errors(message: DeadMessage, body: str) -> dict[str, str]:
    """What is wrong with a dead message's new body, by field; `form` is what is wrong with all of it."""
    if message.task not in {PERSIST_ORDER, ""}:
        return {}
    try:
        order = from_message(exact_json.loads(body))
    except InvalidOrder as error:
        return dict(_flat(error.errors))
    if message.subject not in {None, str(order.order_id)}:
        return {"orderId": f"Must stay {message.subject}: its customer waits for that one."}
    return {}


def _flat(errors: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The messages of a ValidationError, each with the name of its field."""
    if isinstance(errors, Mapping):
        for name, below in errors.items():
            yield from _flat(below, f"{path}.{name}" if path else str(name))
    else:
        texts = errors if isinstance(errors, list) else [errors]
        yield "form" if path in {"", "_schema"} else path, " ".join(map(str, texts))
