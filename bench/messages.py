"""Orders to preload, in the form in which each contender's own producer would have sent them."""

import base64
import copy
import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

#: A message as SendMessageBatch takes it, but for its id.
Entry = dict[str, Any]
#: Makes the message of an order for the queue of a name.
Form = Callable[[dict[str, Any], str], Entry]

_BATCH: Final = 10  # entries of a SendMessageBatch
_SENDERS: Final = 3  # threads; more only queue up inside the emulator


def plain_json(order: dict[str, Any], queue: str) -> Entry:
    """The order and nothing else."""
    return {"MessageBody": json.dumps(order)}


def like_ours(template: dict[str, Any]) -> Form:
    """The form of a message that the project's API sent: its attributes, with other ids."""
    attributes = template["MessageAttributes"]
    task_id = attributes["celery_id"]["StringValue"]

    def form(order: dict[str, Any], queue: str) -> Entry:
        fresh = str(uuid.uuid4())
        given = {
            name: {"DataType": value["DataType"], "StringValue": value["StringValue"].replace(task_id, fresh)}
            for name, value in attributes.items()
        }
        return {"MessageBody": json.dumps(order), "MessageAttributes": given}

    return form


def like_kombu(template: dict[str, Any]) -> Form:
    """The form of a message that plain Celery sent: its envelope, with other ids and another argument."""
    envelope = json.loads(base64.b64decode(template["Body"]))
    _, kwargs, embed = json.loads(base64.b64decode(envelope["body"]))

    def form(order: dict[str, Any], queue: str) -> Entry:
        fresh = str(uuid.uuid4())
        made = copy.deepcopy(envelope)
        made["body"] = base64.b64encode(json.dumps([[order], kwargs, embed]).encode()).decode()
        made["headers"] |= {"id": fresh, "root_id": fresh}
        made["properties"] |= {
            "correlation_id": fresh,
            "delivery_tag": str(uuid.uuid4()),
            # kombu deletes a message from the queue that the message itself names.
            "delivery_info": {"exchange": "", "routing_key": queue},
        }
        return {"MessageBody": base64.b64encode(json.dumps(made).encode()).decode()}

    return form


def preload(sqs: Any, queue_url: str, form: Form, count: int) -> None:
    """Put orders into a queue."""

    def send(entries: list[Entry]) -> None:
        named = [{"Id": str(position), **entry} for position, entry in enumerate(entries)]
        answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=named)
        if answer.get("Failed"):
            raise RuntimeError(f"not preloaded: {answer['Failed']}")

    queue = queue_url.rsplit("/", 1)[-1]
    with ThreadPoolExecutor(_SENDERS) as senders:
        list(senders.map(send, _batches(form(order, queue) for order in _orders(count))))


def _orders(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {
            "orderId": str(uuid.uuid4()),
            "userId": number % 1000 + 1,
            "productName": "Widget",
            "quantity": 2,
            "totalPrice": 99.99,
            "status": "pending",
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while batch := list(islice(entries, _BATCH)):
        yield batch
