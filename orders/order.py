"""What an order is, once it has been parsed."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

#: The only status an order has on its way in; what becomes of it is derived, never stored here.
PENDING: Final = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order, as the message carries it.

    Attributes:
        order_id: a version 4 UUID.
        user_id: the buyer, a positive number.
        product_name: 1-200 characters, trimmed.
        quantity: 1-100000.
        total_price: 0-9999999999.99, exact to the cent.
        timestamp: when the order was accepted; aware, UTC.
    """

    order_id: UUID
    user_id: int
    product_name: str
    quantity: int
    total_price: Decimal
    timestamp: datetime
    status: str = PENDING

    @property
    def content(self) -> tuple[int, str, int, Decimal]:
        """What makes two orders the same one. The timestamp is not part of it: a repeat changes it."""
        return self.user_id, self.product_name, self.quantity, self.total_price
