"""Publish one order as the project's API does, as a sample of its messages."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal

from app.queue import CeleryQueue
from config.settings import boot
from orders.order import Order
from tasks.application import create_celery


def main() -> None:
    """Publish the order."""
    order = Order(
        order_id=uuid.uuid4(),
        user_id=1,
        product_name="Widget",
        quantity=2,
        total_price=Decimal("99.90"),
        timestamp=datetime.now(UTC),
    )
    settings = boot()
    CeleryQueue(settings, create_celery(settings)).send(order, uuid.uuid4().hex, {})


if __name__ == "__main__":
    main()
