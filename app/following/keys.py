"""Which order an Idempotency-Key has named before, as far as that is known."""

from collections import OrderedDict
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from app.following.lookup import LookUp, Unanswered
from orders.order import Order
from orders.outcome import StoredOrder
from orders.store import OrderStore

logger = structlog.stdlib.get_logger(__name__)

#: Orders that a process remembers: about 5 MB.
REMEMBERED: Final = 10_000

UNCHECKED: Final = Counter(
    "order_keys_unchecked",
    "Orders with an Idempotency-Key about which the database was not asked, or did not answer within 50 ms.",
)


class KeyReused(Exception):
    """The key has named an order with another content."""


class AcceptedKeys:
    """Orders that were accepted with a key: those that are stored, and the last ones of this process.

    A stored order counts before a remembered one: of two that two processes have accepted, it is the one that stands.

    Args:
        store: has the stored ones.
    """

    def __init__(self, store: OrderStore) -> None:
        self._look_up = LookUp(store)
        self._remembered: OrderedDict[UUID, Order] = OrderedDict()

    def find(self, order: Order) -> tuple[Order, StoredOrder | None]:
        """The order that its key named first, where that is known, or else the order itself; and its row.

        Raises:
            KeyReused: the key has named another order.
        """
        stored = self._stored(order.order_id)
        first = stored.order if stored else self._remembered.get(order.order_id, order)
        if first.content != order.content:
            raise KeyReused(str(order.order_id))
        return first, stored

    def remember(self, order: Order) -> None:
        """An order with a key is in the queue."""
        self._remembered[order.order_id] = order
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    def _stored(self, order_id: UUID) -> StoredOrder | None:
        try:
            return self._look_up.stored(order_id)
        except Unanswered as error:
            UNCHECKED.inc()
            logger.info("idempotency key not checked", order_id=str(order_id), error=str(error))
            return None
