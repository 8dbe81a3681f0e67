"""What the API takes and gives, as marshmallow schemas. The values' rules are `orders.fields`'."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.validate import OneOf, Range

from orders.fields import (
    MAX_PRODUCT_NAME,
    MAX_QUANTITY,
    FastPathSchema,
    Money,
    OrderId,
    ProductName,
    Timestamp,
    WholeNumber,
    parse_order_id,
)
from orders.outcome import Position

DEFAULT_PAGE: Final = 50
MAX_PAGE: Final = 200

_DIGITS: Final = re.compile(r"-?[0-9]{1,9}", re.ASCII)

_STATES: Final = ["queued", "retrying", "persisted", "dead", "missing"]

_STATE_SAYS: Final = (
    "`queued` and `retrying`: on its way. `persisted`: it is stored. `dead`: it failed as often as the queue allows. "
    "`missing`: it was accepted longer ago than the queue keeps it, and is nowhere to be found; post it again. "
    "One that appears after all is `persisted`."
)

_NO_CONTROL: Final = r"\x00-\x1f\x7f-\x9f\ufffe\uffff"
_NAME: Final = {
    "description": f"1 to {MAX_PRODUCT_NAME} characters after trimming, no control characters.",
    "minLength": 1,
    "maxLength": MAX_PRODUCT_NAME,
    "pattern": rf"^[^{_NO_CONTROL}]*[^\s{_NO_CONTROL}][^{_NO_CONTROL}]*$",
    "example": "Widget",
}
_PRICE_GIVEN: Final = {
    "description": "From 0 to 9999999999.99 with at most 2 decimals, as a number or a string.",
    "oneOf": [
        {"type": "number", "minimum": 0, "maximum": 9999999999.99, "multipleOf": 0.01},
        {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$"},
    ],
    "example": 99.90,
}
_PRICE_SHOWN: Final = {"type": "number", "minimum": 0, "example": 99.90}


class NewOrder(FastPathSchema):
    """An order as a client posts it."""

    class Meta:
        unknown = RAISE

    product_name = ProductName(required=True, data_key="productName", metadata=_NAME)
    quantity = WholeNumber(1, MAX_QUANTITY, required=True, metadata={"example": 2})
    total_price = Money(required=True, data_key="totalPrice", metadata=_PRICE_GIVEN)


class AcceptedOrder(Schema):
    """What SQS has confirmed: the order is in the queue."""

    order_id = OrderId(required=True, data_key="orderId", metadata={"format": "uuid"})
    status = fields.String(required=True, metadata={"enum": ["pending"]})
    state = fields.String(required=True, validate=OneOf(["queued"]))
    timestamp = Timestamp(required=True, metadata={"type": "string", "format": "date-time"})


class OrderView(Schema):
    """An order and its state. Until it is persisted, its content is in the queue and not shown."""

    order_id = OrderId(required=True, data_key="orderId", metadata={"format": "uuid"})
    status = fields.String(required=True, metadata={"enum": ["pending"]})
    state = fields.String(required=True, validate=OneOf(_STATES), metadata={"description": _STATE_SAYS})
    attempts = fields.Integer(required=True, metadata={"description": "How often a worker has tried so far."})
    user_id = fields.Integer(data_key="userId")
    product_name = fields.String(data_key="productName")
    quantity = fields.Integer()
    total_price = Money(data_key="totalPrice", metadata=_PRICE_SHOWN)
    timestamp = Timestamp(metadata={"type": "string", "format": "date-time", "description": "When it was accepted."})
    persisted_at = Timestamp(data_key="persistedAt", metadata={"type": "string", "format": "date-time"})


class OrderPage(Schema):
    """Persisted orders of the caller, newest first."""

    orders = fields.List(fields.Nested(OrderView), required=True)
    next = fields.String(
        required=True, allow_none=True, metadata={"description": "Where the next page is; null on the last one."}
    )


class Cursor(fields.Field[Position]):
    """A position in the list, opaque to clients."""

    def _serialize(self, value: Position | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        if value is None:
            return None
        return base64.urlsafe_b64encode(f"{value.accepted_at.isoformat()} {value.order_id}".encode()).decode()

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Position:
        try:
            instant, _, order_id = base64.urlsafe_b64decode(str(value).encode()).decode().partition(" ")
            given, known = datetime.fromisoformat(instant), parse_order_id(order_id)
            # Some instants with an offset, of the years 1 and 9999, have no place in UTC.
            accepted_at = given.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValidationError("Must be the cursor of an earlier page.") from error
        if known is None or given.tzinfo is None:
            raise ValidationError("Must be the cursor of an earlier page.")
        return Position(accepted_at=accepted_at, order_id=known)


class Digits(fields.Integer):
    """A whole number in digits; int() takes "1_0", too."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if not _DIGITS.fullmatch(str(value)):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class PageQuery(Schema):
    """Which page of the list."""

    limit = Digits(load_default=DEFAULT_PAGE, validate=Range(1, MAX_PAGE))
    cursor = Cursor(metadata={"type": "string", "description": "From `next` of an earlier page."})
