"""The door to the queue: its callers see its own error, and none of the transport's."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from app.queue import CeleryQueue, NotQueued
from celery_sqs.errors import NotConfirmed
from orders.order import Order
from tasks.application import create_celery
from tests.conftest import make_settings

ORDER = Order(
    order_id=uuid4(),
    user_id=1,
    product_name="Widget",
    quantity=2,
    total_price=Decimal("99.90"),
    timestamp=datetime.now(UTC),
)


def test_an_order_that_sqs_does_not_confirm_in_time_is_not_queued():
    settings = make_settings(sqs_send_timeout=0.2)  # nobody listens at its endpoint
    queue = CeleryQueue(settings, create_celery(settings))
    with pytest.raises(NotQueued, match=r"not within 0\.2 s") as raised:
        queue.send(ORDER, "request-1", {})
    assert isinstance(raised.value.__cause__, NotConfirmed)
