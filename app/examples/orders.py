"""What the API answers about an order, in each of its states."""

from typing import Any, Final

_ORDER_ID: Final = "f63247c0-6fca-4c88-95af-b7e9017e5ac3"
_ACCEPTED_AT: Final = "2026-11-22T14:11:37.889Z"

ACCEPTED: Final = {"orderId": _ORDER_ID, "status": "pending", "state": "queued", "timestamp": _ACCEPTED_AT}

PERSISTED: Final = {
    "orderId": _ORDER_ID,
    "status": "pending",
    "state": "persisted",
    "attempts": 1,
    "userId": 1,
    "productName": "Widget",
    "quantity": 2,
    "totalPrice": 99.9,
    "timestamp": _ACCEPTED_AT,
    "persistedAt": "2026-11-22T14:11:37.987Z",
}

PAGE: Final = {
    "orders": [PERSISTED],
    "next": "/api/v1/orders?limit=1&cursor=MjAyNi0xMS0yMlQxNDoxMTozNy44ODkwMDArMDA6MDA",
}


def _without_row(state: str, attempts: int) -> dict[str, Any]:
    return {"orderId": _ORDER_ID, "status": "pending", "state": state, "attempts": attempts}


#: What `GET` on an order answers.
VIEWS: Final = {
    "queued": {"summary": "Accepted; no attempt has failed.", "value": _without_row("queued", 0)},
    "retrying": {"summary": "An attempt has failed, and another one follows.", "value": _without_row("retrying", 1)},
    "persisted": {"summary": "It is in the database.", "value": PERSISTED},
    "dead": {
        "summary": "It failed as often as the queue allows; an operator sees why.",
        "value": _without_row("dead", 3),
    },
    "missing": {
        "summary": "It was accepted longer ago than the queue keeps it, and is neither stored nor dead.",
        "value": _without_row("missing", 0),
    },
}
