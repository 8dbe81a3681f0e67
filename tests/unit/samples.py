"""Orders for the tests: one to change as needed, and Hypothesis strategies for all that are valid."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from hypothesis import strategies as st

from orders.fields import MAX_PRODUCT_NAME, MAX_QUANTITY, MAX_TOTAL_PRICE, MAX_USER_ID
from orders.order import Order
from orders.outcome import Arrival

ACCEPTED_AT = datetime(2026, 1, 24, 12, 0, tzinfo=UTC)

MESSAGE = {
    "orderId": "1b4e28ba-2fa1-4d2b-883f-0016d3cca427",
    "userId": 123,
    "productName": "Widget",
    "quantity": 2,
    "totalPrice": Decimal("99.90"),
    "status": "pending",
    "timestamp": "2026-01-24T12:00:00.000Z",
}


def an_order(**changes):
    values = {
        "order_id": uuid4(),
        "user_id": 1,
        "product_name": "Widget",
        "quantity": 2,
        "total_price": Decimal("99.90"),
        "timestamp": ACCEPTED_AT,
    }
    return Order(**values | changes)


def an_arrival(order=None, **changes):
    values = {"order": order or an_order(), "task_id": str(uuid4()), "attempts": 1, "worker": "worker@test"}
    return Arrival(**values | changes)


def json_of(text):
    """Everything that a JSON text can spell, as `exact_json.loads` returns it, with these strings."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | text,
        lambda below: st.lists(below, max_size=4) | st.dictionaries(text, below, max_size=4),
        max_leaves=10,
    )


json_values = json_of(st.text())

user_ids = st.integers(1, MAX_USER_ID)

order_ids = st.integers(0, 2**128 - 1).map(lambda number: UUID(int=number, version=4))

product_names = (
    st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), min_size=1)
    .map(lambda text: text[:MAX_PRODUCT_NAME].strip())
    .filter(bool)
)

prices = st.decimals(0, MAX_TOTAL_PRICE, places=2)

#: The message has room for milliseconds.
timestamps = st.datetimes(timezones=st.just(UTC)).map(
    lambda instant: instant.replace(microsecond=instant.microsecond // 1000 * 1000)
)

orders = st.builds(
    Order,
    order_id=order_ids,
    user_id=user_ids,
    product_name=product_names,
    quantity=st.integers(1, MAX_QUANTITY),
    total_price=prices,
    timestamp=timestamps,
)
