"""Messages as each contender's own producer would send them, made after a sample."""

import base64
import copy
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

#: An entry of SendMessageBatch without its id.
Entry = dict[str, Any]
#: Makes the message of an order for a queue, which is given by its name.
MessageFactory = Callable[[dict[str, Any], str], Entry]

_USERS: Final = 1000


def plain_json(order: dict[str, Any], queue: str) -> Entry:
    """The order and nothing else."""
    return {"MessageBody": json.dumps(order)}


def our_messages(sample: dict[str, Any]) -> MessageFactory:
    """Messages like those of the project's API: the sample's attributes with new ids."""
    attributes = sample["MessageAttributes"]
    task_id = attributes["celery_id"]["StringValue"]

    def make(order: dict[str, Any], queue: str) -> Entry:
        fresh = str(uuid.uuid4())
        given = {
            name: {"DataType": value["DataType"], "StringValue": value["StringValue"].replace(task_id, fresh)}
            for name, value in attributes.items()
        }
        return {"MessageBody": json.dumps(order), "MessageAttributes": given}

    return make


def kombu_messages(sample: dict[str, Any]) -> MessageFactory:
    """Messages like those of plain Celery: the sample's envelope with new ids and another argument."""
    envelope = json.loads(base64.b64decode(sample["Body"]))
    _, kwargs, embed = json.loads(base64.b64decode(envelope["body"]))

    def make(order: dict[str, Any], queue: str) -> Entry:
        fresh = str(uuid.uuid4())
        copied = copy.deepcopy(envelope)
        copied["body"] = base64.b64encode(json.dumps([[order], kwargs, embed]).encode()).decode()
        copied["headers"] |= {"id": fresh, "root_id": fresh}
        copied["properties"] |= {
            "correlation_id": fresh,
            "delivery_tag": str(uuid.uuid4()),
            # kombu deletes a message from the queue that the message itself names.
            "delivery_info": {"exchange": "", "routing_key": queue},
        }
        return {"MessageBody": base64.b64encode(json.dumps(copied).encode()).decode()}

    return make


def dramatiq_messages(sample: dict[str, Any]) -> MessageFactory:
    """Messages like those of dramatiq: the sample with another id, queue and argument."""
    message = json.loads(base64.b64decode(sample["Body"]))

    def make(order: dict[str, Any], queue: str) -> Entry:
        made = message | {"args": [order], "message_id": str(uuid.uuid4()), "queue_name": queue}
        return {"MessageBody": base64.b64encode(json.dumps(made).encode()).decode()}

    return make


def taskiq_messages(sample: dict[str, Any]) -> MessageFactory:
    """Messages like those of taskiq: the sample with another id and another argument."""
    message = json.loads(sample["Body"])
    attributes = {
        name: {key: value[key] for key in ("DataType", "StringValue")}
        for name, value in sample.get("MessageAttributes", {}).items()
    }

    def make(order: dict[str, Any], queue: str) -> Entry:
        made = message | {"args": [order], "task_id": uuid.uuid4().hex}
        return {"MessageBody": json.dumps(made), "MessageAttributes": attributes}

    return make


def orders(count: int) -> Iterator[dict[str, Any]]:
    """Orders as the API accepts them, each with an id of its own."""
    for number in range(count):
        yield {
            "orderId": str(uuid.uuid4()),
            "userId": number % _USERS + 1,
            "productName": "Widget",
            "quantity": 2,
            "totalPrice": 99.99,
            "status": "pending",
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
