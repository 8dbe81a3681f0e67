"""Orders in the form in which each contender's own producer would have sent them."""

import base64
import copy
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

#: A message as SendMessageBatch takes it, but for its id.
Entry = dict[str, Any]
#: Makes the message of an order for the queue of a name.
Form = Callable[[dict[str, Any], str], Entry]

_USERS: Final = 1000


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


def like_dramatiq(template: dict[str, Any]) -> Form:
    """The form of a message that dramatiq sent: another id, queue and argument."""
    message = json.loads(base64.b64decode(template["Body"]))

    def form(order: dict[str, Any], queue: str) -> Entry:
        made = message | {"args": [order], "message_id": str(uuid.uuid4()), "queue_name": queue}
        return {"MessageBody": base64.b64encode(json.dumps(made).encode()).decode()}

    return form


def like_taskiq(template: dict[str, Any]) -> Form:
    """The form of a message that taskiq sent: another id and another argument."""
    message = json.loads(template["Body"])
    attributes = {
        name: {key: value[key] for key in ("DataType", "StringValue")}
        for name, value in template.get("MessageAttributes", {}).items()
    }

    def form(order: dict[str, Any], queue: str) -> Entry:
        made = message | {"args": [order], "task_id": uuid.uuid4().hex}
        return {"MessageBody": json.dumps(made), "MessageAttributes": attributes}

    return form


def orders(count: int) -> Iterator[dict[str, Any]]:
    """Orders as the API accepts them, each another one."""
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
