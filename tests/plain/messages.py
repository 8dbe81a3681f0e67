"""Messages that no Celery of ours has made: another producer's, and broken ones."""

import base64
import json

ORDER = {
    "orderId": "5f0c1a34-9d1c-4c62-8b3a-0d6f3c1f5e11",
    "userId": 1,
    "productName": "Widget",
    "quantity": 2,
    "totalPrice": 99.99,
    "status": "pending",
    "timestamp": "2026-01-24T12:00:00Z",
}


def encoded(text):
    """A body as it stands in kombu's envelope."""
    return base64.b64encode(text.encode()).decode()


def envelope(queue, **changes):
    """A message as kombu's own transport sends it to a queue: a call of `jobs.note`, with changes."""
    message = {
        "body": encoded("[[{}], {}, {}]"),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "jobs.note", "id": ORDER["orderId"], "argsrepr": "()", "kwargsrepr": "{}"},
        "properties": {
            "correlation_id": ORDER["orderId"],
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": ORDER["orderId"],
        },
    }
    return json.dumps(message | changes)


UNDECODABLE = {"body": encoded("{'neither': JSON nor Python")}

#: Changes that anyone can make who can send to the queue.
MALFORMED = {
    "properties that are null": {"properties": None},
    "a body that is not base64": {"body": "%%%"},
    "a body that is no call": {"body": encoded('{"neither": "args"}')},
    "no id": {"headers": {"lang": "py", "task": "jobs.note"}},
}
