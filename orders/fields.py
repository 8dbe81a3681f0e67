"""marshmallow fields for the values of an order. HTTP and the message share them.

They are strict on purpose: a quantity of `true` or `"2"` is a client's mistake, and money that has
been a float once is no longer exact. The tolerant ones are the message's: they also take what a producer in another
language writes for a value, where that can mean one value only. And a schema that takes what is good by the shortest
way: that is nearly all that comes.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from marshmallow import EXCLUDE, Schema, ValidationError, fields
from marshmallow.validate import Range

MAX_PRODUCT_NAME: Final = 200  # characters, after trimming
MAX_QUANTITY: Final = 100_000
MAX_TOTAL_PRICE: Final = Decimal("9999999999.99")  # what DECIMAL(12,2) holds
MAX_USER_ID: Final = 2**63 - 1  # what BIGINT holds

#: A version 4 UUID in its usual form. UUID() also reads braces, a urn: prefix and missing dashes.
_ORDER_ID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)
#: Digits that a float keeps of every number (C's DBL_DIG). One that is written with no more of them is meant so.
EXACT_DIGITS: Final = 15

#: Units in a float's last place by which a sum may miss its value: half a unit for each of 128 additions.
MAX_NOISE: Final = 64

#: Amounts nearer to zero than this can mean zero only: a ten-millionth of a cent.
NO_PRICE: Final = Decimal("1E-9")

_ZERO: Final = Decimal("0.00")
_CENT: Final = Decimal("0.01")
_MONEY_TEXT: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
#: As languages write a float that is nearly zero.
_FLOAT_TEXT: Final = re.compile(_MONEY_TEXT.pattern + r"([eE][+-]?[0-9]{1,3})?", re.ASCII)
#: Control characters, and the ones SQS has no room for (#xFFFE, #xFFFF and half surrogate pairs):
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_REFUSED: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class FastPathSchema(Schema):
    """A schema that loads a good object by its fields alone, where they are all required and it has no hooks.

    marshmallow's own way takes three times as long, most of it to gather what is wrong: it is gone where anything is.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages["type"] = "Must be a JSON object."
        fields = self.load_fields.values()
        has_hooks = any(self._hooks.values()) or any(field.pre_load or field.post_load for field in fields)
        self._is_plain = not has_hooks and not self.many and all(field.required for field in fields)

    def load(self, data: Any, **kwargs: Any) -> Any:
        """The values of the object.

        Raises:
            ValidationError: it is none, or one that lacks keys, has bad values, or others than the schema takes.
        """
        loaded = self._good(data) if self._is_plain and isinstance(data, dict) and not kwargs else None
        return super().load(data, **kwargs) if loaded is None else loaded

    def _good(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        fields = self.load_fields
        if len(data) != len(fields) and self.unknown != EXCLUDE:
            return None
        loaded = {}
        try:
            for name, field in fields.items():
                key = field.data_key or name
                if (given := data[key]) is None:
                    return None
                loaded[name] = value = field._deserialize(given, key, data)
                if field.validators:
                    field._validate(value)
        except (KeyError, ValidationError):
            return None
        return loaded


class ProductName(fields.String):
    """Text of 1-200 characters after trimming, without control characters."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs).strip()
        if not 1 <= len(name) <= MAX_PRODUCT_NAME:
            raise ValidationError(f"Must be 1 to {MAX_PRODUCT_NAME} characters long after trimming.")
        if _REFUSED.search(name):
            raise ValidationError("Must not contain control characters.")
        return name


class WholeNumber(fields.Integer):
    """A whole JSON number within limits; a bool, a string or 2.0 is refused."""

    def __init__(self, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=Range(low, high), **kwargs)
        self._low, self._high = low, high

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if type(value) is not int:
            raise ValidationError("Must be a whole number.")
        return value

    def _validate(self, value: int) -> None:
        # marshmallow's validators cost more than all else that is done for a number.
        if not self._low <= value <= self._high:
            super()._validate(value)


class TolerantWholeNumber(WholeNumber):
    """A whole JSON number within limits, also one that is written with a fraction of zero, such as 2.0."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        # Compared first: 1E+400000000 is a whole number, too, of as many digits.
        is_near = isinstance(value, Decimal) and value.is_finite() and -MAX_USER_ID <= value <= MAX_USER_ID
        if is_near and value == value.to_integral_value():
            value = int(value)
        return super()._deserialize(value, attr, data, **kwargs)


class Money(fields.Field[Decimal]):
    """An amount from 0 to 9999999999.99 with at most 2 decimals: a JSON number or a string.

    JSON numbers must arrive as int or Decimal; a float is refused, as it has lost digits already.
    """

    _text = _MONEY_TEXT

    def _serialize(self, value: Decimal | None, attr: str | None, obj: Any, **kwargs: Any) -> Decimal | None:
        return None if value is None else in_cents(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Decimal:
        amount = _to_decimal(value, self._text)
        is_within = 0 <= amount <= MAX_TOTAL_PRICE
        if is_within and (cents := in_cents(amount)) == amount:
            return abs(cents)  # "-0" is zero
        meant = self._meant(amount)
        if meant is None:
            must = "have at most 2 decimals" if is_within else f"be from 0 to {MAX_TOTAL_PRICE}"
            raise ValidationError(f"Must {must}.")
        return meant

    def _meant(self, amount: Decimal) -> Decimal | None:
        """The price that an amount means that is none; None where that may be any."""
        return None


class TolerantMoney(Money):
    """An amount, also one that a sum of floats has missed by their last bits, such as 0.30000000000000004.

    It has more digits than a float keeps, and is no further away from a cent value than `MAX_NOISE` units in the last
    place of a float of that size. Or it is nearer to zero than `NO_PRICE`: a sum that is zero leaves the noise of its
    largest number, on either side, of any number of digits. A string may have an exponent, as such noise is written.
    """

    _text = _FLOAT_TEXT

    def _meant(self, amount: Decimal) -> Decimal | None:
        # Compared before anything is worked out: 1E+400000000 has no absolute value here, and no cents.
        if -NO_PRICE < amount < NO_PRICE:
            return _ZERO
        # Rounded before it is a price: the largest may be missed from above.
        if not 0 <= amount <= MAX_TOTAL_PRICE + 1 or len(amount.as_tuple().digits) <= EXACT_DIGITS:
            return None
        cents = in_cents(amount)
        # Sums lose the bits of their largest number, and a difference may be small: so never less than those of 1.
        noise = MAX_NOISE * Decimal(math.ulp(max(1.0, float(cents))))
        return cents if cents <= MAX_TOTAL_PRICE and abs(amount - cents) <= noise else None


def in_cents(amount: Decimal) -> Decimal:
    """An amount with two decimals."""
    return amount.quantize(_CENT)


def _to_decimal(value: Any, text: re.Pattern[str]) -> Decimal:
    if type(value) is int or (isinstance(value, Decimal) and value.is_finite()):
        return Decimal(value)
    if isinstance(value, str) and text.fullmatch(value):
        return Decimal(value)
    raise ValidationError("Must be a number, or a string such as '99.90'.")


class Timestamp(fields.Field[datetime]):
    """An instant: ISO 8601 with an offset on the way in (in any case), UTC with milliseconds and `Z` on the way out."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else in_utc(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        try:
            instant = datetime.fromisoformat(value.upper())  # RFC 3339 has "z", too, and Python has not
            if instant.tzinfo is None:
                raise ValidationError("Must say its offset from UTC, such as Z: a time without a zone may be any.")
            return instant.astimezone(UTC)
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise ValidationError("Must be an ISO 8601 date and time.") from error


def in_utc(instant: datetime) -> str:
    """An instant as text: UTC with milliseconds and `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class OrderId(fields.String):
    """A version 4 UUID in its usual form of 36 characters."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        order_id = parse_order_id(text)
        if order_id is None:
            raise ValidationError("Must be a version 4 UUID.")
        return order_id


def parse_order_id(text: str) -> UUID | None:
    """The order id that `text` spells in the usual form of 36 characters, or None."""
    return UUID(text) if is_order_id(text) else None


def is_order_id(text: str) -> bool:
    """Whether `text` spells an order id in the usual form of 36 characters."""
    return _ORDER_ID.fullmatch(text) is not None
