"""The order message, both ways: the JSON object that crosses SQS and nothing else.

{"orderId": "<uuid v4>", "userId": 123, "productName": "Widget", "quantity": 2,
 "totalPrice": 99.99, "status": "pending", "timestamp": "2026-01-24T12:00:00Z"}
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from marshmallow import EXCLUDE, ValidationError, fields
from marshmallow.validate import Equal

from orders.fields import (
    MAX_QUANTITY,
    MAX_USER_ID,
    FastPathSchema,
    OrderId,
    ProductName,
    Timestamp,
    TolerantMoney,
    TolerantWholeNumber,
    in_cents,
    in_utc,
)
from orders.order import PENDING, Order

#: The version of this schema. It grows when a message of the last one is no longer a message of this one.
SCHEMA_VERSION: Final = 1


class InvalidOrder(ValueError):
    """A message that is not an order. `errors` names each bad field.

    It can never succeed, however often it is tried. It survives pickling, so it crosses from a
    Celery pool's child to the worker's main process as what it is.
    """

    def __init__(self, errors: Any) -> None:
        super().__init__(errors)
        self.errors = errors


class OrderMessage(FastPathSchema):
    """The seven keys of the message. What else it has, of a later version or another producer, is dropped."""

    class Meta:
        unknown = EXCLUDE

    order_id = OrderId(required=True, data_key="orderId")
    user_id = TolerantWholeNumber(1, MAX_USER_ID, required=True, data_key="userId")
    product_name = ProductName(required=True, data_key="productName")
    quantity = TolerantWholeNumber(1, MAX_QUANTITY, required=True)
    total_price = TolerantMoney(required=True, data_key="totalPrice")
    status = fields.String(required=True, validate=Equal(PENDING))
    timestamp = Timestamp(required=True)


_MESSAGE = OrderMessage()
_KEYS: Final = frozenset(str(field.data_key or name) for name, field in _MESSAGE.load_fields.items())


def to_message(order: Order) -> dict[str, Any]:
    """The message of an order: JSON types only, but for `totalPrice`, which is an exact Decimal."""
    # marshmallow's own dump takes three times as long, for each order that is accepted.
    return {
        "orderId": str(order.order_id),
        "userId": order.user_id,
        "productName": order.product_name,
        "quantity": order.quantity,
        "totalPrice": in_cents(order.total_price),
        "status": order.status,
        "timestamp": in_utc(order.timestamp),
    }


def from_message(message: Any) -> Order:
    """The order that a message spells.

    Raises:
        InvalidOrder: it is not an object with the seven keys and valid values.
    """
    if not isinstance(message, Mapping):
        raise InvalidOrder({"_schema": ["Must be a JSON object."]})
    try:
        return Order(**_MESSAGE.load(message))
    except ValidationError as error:
        raise InvalidOrder(error.messages) from error


def from_arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Order:
    """The order that a call's arguments spell: it is the one positional argument, and there are no others.

    Raises:
        InvalidOrder: there are others, which would be lost if the first were stored, or it is no order.
    """
    if len(args) != 1 or kwargs:
        has = f"{len(args)} positional and {len(kwargs)} keyword arguments"
        raise InvalidOrder({"_schema": [f"Must be one order as the one positional argument: the call has {has}."]})
    return from_message(args[0])


def unknown_fields(message: Any) -> Iterator[str]:
    """The fields of a message that `from_message` drops."""
    if isinstance(message, Mapping) and not message.keys() <= _KEYS:
        yield from (str(key) for key in message if key not in _KEYS)
