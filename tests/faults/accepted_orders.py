"""What was accepted in a run, and what was predicted for it."""

import json
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from config.queues import ORDER_QUEUE

if TYPE_CHECKING:
    from tests.faults.oracle import Anomalies

#: Orders of these products end the worker that runs them, if it is one of `tests.faults.killing_app`.
KILLER: Final = "Killer"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What a client orders. No other order has the same product, so a second row of the same order is found."""

    product: str
    user_id: int = 1
    quantity: int = 2
    price: Decimal = Decimal("99.90")

    @classmethod
    def unique(cls, number: int) -> "OrderRequest":
        """An order with a product of its own; the number varies the other fields."""
        price = Decimal(number) + Decimal(number % 100) / 100
        return cls(f"Item {number} {uuid.uuid4()}", quantity=number % 9 + 1, price=price)

    @classmethod
    def killer(cls) -> "OrderRequest":
        """An order that kills the whole process group that runs it."""
        return cls(f"{KILLER} {uuid.uuid4()}")

    def message(self, order_id: str) -> str:
        """The message body that another producer would send."""
        return json.dumps(
            {
                "orderId": order_id,
                "userId": self.user_id,
                "productName": self.product,
                "quantity": self.quantity,
                "totalPrice": float(self.price),  # JSON has the same two digits
                "status": "pending",
                "timestamp": "2026-01-24T12:00:00Z",
            }
        )


@dataclass(frozen=True, slots=True)
class Prediction:
    """The reason that a message in the DLQ must have on record.

    Attributes:
        kind: of a failed attempt: `own`, `permanent`, `poison` or `lost`. Some attempt has it, as others may have been
            lost to faults of the run.
        attempts: how many attempts are on record, all of this kind; None for any number of any kind.
        order_id: the order whose attempts these are, where no other message has the same; else they are the message's.
    """

    kind: str
    attempts: int | None = None
    order_id: str | None = None

    def holds(self, recorded: Sequence[str]) -> bool:
        """Whether the kinds of the recorded attempts are those that were predicted."""
        if self.attempts is None:
            return self.kind in recorded
        return list(recorded) == [self.kind] * self.attempts


class AcceptedOrders:
    """The orders that were accepted, and what else may or must be found. Safe to write from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id: dict[str, OrderRequest] = {}
        self._accepted_at: dict[str, datetime] = {}
        self._indeterminate: set[str] = set()
        self._expected_dead: Counter[str] = Counter()
        self._predictions: dict[str, Prediction] = {}

    @property
    def by_id(self) -> dict[str, OrderRequest]:
        """The accepted orders, by their ids."""
        with self._lock:
            return dict(self._by_id)

    @property
    def accepted_at(self) -> dict[str, datetime]:
        """When each was accepted first, by order id."""
        with self._lock:
            return dict(self._accepted_at)

    @property
    def indeterminate(self) -> set[str]:
        """The products of the orders that may be stored or not."""
        with self._lock:
            return set(self._indeterminate)

    @property
    def expected_dead(self) -> Counter[str]:
        """The message bodies that must end in the DLQ."""
        with self._lock:
            return Counter(self._expected_dead)

    @property
    def predictions(self) -> dict[str, Prediction]:
        """The reasons that were predicted, by message body."""
        with self._lock:
            return dict(self._predictions)

    def accept(self, order_id: str, order: OrderRequest) -> None:
        """The API answered 202, or SQS confirmed the message."""
        with self._lock:
            self._by_id[order_id] = order
            self._accepted_at.setdefault(order_id, datetime.now(UTC))

    def mark_indeterminate(self, order: OrderRequest) -> None:
        """The API answered 503 or nothing: the order may be stored or not."""
        with self._lock:
            self._indeterminate.add(order.product)

    def expect_dead(self, body: str, prediction: Prediction | None = None) -> None:
        """A message was sent that no worker can or may store. What was refused (4xx) is not recorded at all."""
        with self._lock:
            self._expected_dead[body] += 1
            if prediction is not None:
                self._predictions[body] = prediction

    def expect_killer_dead(self, order_id: str, body: str) -> None:
        """An order was sent that kills its worker: whatever it takes along, it pays for that alone."""
        self.expect_dead(body, Prediction("lost", ORDER_QUEUE.max_receive_count, order_id))

    def forget_lost(self, anomalies: "Anomalies") -> None:
        """Expect nothing more of the lost orders, so that a later check does not report them again."""
        with self._lock:
            for order_id in anomalies.lost:
                self._indeterminate.add(self._by_id.pop(order_id).product)
