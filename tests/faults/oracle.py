"""The oracle: what became of every order, seen from outside.

`AcceptedOrders` records what the clients were promised; `find_anomalies` compares it with the database and both
queues. The oracle asks nothing of the code under test, only MariaDB and SQS.
"""

import json
import threading
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.emulator import Queues
from tests.mariadb import rows

HIDDEN_FOR = 20  # seconds that a message stays hidden after it was read, so that it is read once


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


class AcceptedOrders:
    """The orders that were accepted, and what else may or must be found. Safe to write from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id: dict[str, OrderRequest] = {}
        self._accepted_at: dict[str, datetime] = {}
        self._indeterminate: set[str] = set()
        self._expected_dead: Counter[str] = Counter()

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

    def accept(self, order_id: str, order: OrderRequest) -> None:
        """The API answered 202, or SQS confirmed the message."""
        with self._lock:
            self._by_id[order_id] = order
            self._accepted_at.setdefault(order_id, datetime.now(UTC))

    def mark_indeterminate(self, order: OrderRequest) -> None:
        """The API answered 503 or nothing: the order may be stored or not."""
        with self._lock:
            self._indeterminate.add(order.product)

    def expect_dead(self, body: str) -> None:
        """A message was sent that no worker can or may store. What was refused (4xx) is not recorded at all."""
        with self._lock:
            self._expected_dead[body] += 1

    def forget_lost(self, anomalies: "Anomalies") -> None:
        """Expect nothing more of the lost orders, so that a later check does not report them again."""
        with self._lock:
            for order_id in anomalies.lost:
                self._indeterminate.add(self._by_id.pop(order_id).product)


@dataclass(frozen=True)
class Anomalies:
    """What is wrong; orders by their ids, messages by their bodies. False if nothing is.

    Attributes:
        lost: accepted, and neither stored nor in a queue.
        waiting: accepted, not stored, and still in the work queue.
        altered: stored with other content than accepted.
        duplicated: stored more than once, or stored and also in a queue.
        dead: good, not stored, and in the DLQ; also what was never accepted.
        unexpected: stored, though neither accepted nor indeterminate.
        unexplained: in the DLQ without a row in `attempts`.
        not_dead: should be in the DLQ and is not.
    """

    lost: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    not_dead: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(str(self))

    def __str__(self) -> str:
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return "; ".join(f"{len(some)} {name}: {some[:5]}" for name, some in found.items() if some)


def find_anomalies(accepted: AcceptedOrders, database_url: str, queues: Queues) -> Anomalies:
    """Compare what was accepted with what there is. The workers should be idle or stopped."""
    # The work queue first: a receive makes SQS move what has been received too often to the DLQ.
    waiting = visible_messages(queues, queues.url)
    dead = visible_messages(queues, queues.dlq_url)
    stored = _stored(database_url)
    orders = accepted.by_id
    expected_dead = set(accepted.expected_dead)
    waiting_ids = _ids(message["Body"] for message in waiting if message["Body"] not in expected_dead)
    dead_ids = _ids(message["Body"] for message in dead if message["Body"] not in expected_dead)
    copies = Counter(order.product for order in stored.values())
    products = {order.product for order in orders.values()}
    return Anomalies(
        lost=[each for each in orders if each not in stored.keys() | waiting_ids | dead_ids],
        waiting=[each for each in orders if each in waiting_ids - stored.keys()],
        altered=[each for each, order in orders.items() if each in stored and stored[each] != order],
        duplicated=[
            each
            for each, order in orders.items()
            if copies[order.product] > 1 or (each in stored and each in waiting_ids | dead_ids)
        ],
        dead=sorted(dead_ids - stored.keys()),
        unexpected=[each for each, order in stored.items() if order.product not in products | accepted.indeterminate],
        unexplained=_unexplained(dead, database_url),
        not_dead=list((accepted.expected_dead - Counter(message["Body"] for message in dead)).elements()),
    )


def visible_messages(queues: Queues, url: str) -> list[dict[str, Any]]:
    """All visible messages of a queue, left visible. Costs each of them a receive."""
    messages: list[dict[str, Any]] = []
    while found := queues.sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=HIDDEN_FOR,
        WaitTimeSeconds=0,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    ).get("Messages", []):
        messages += found
    for message in messages:
        queues.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return messages


def _stored(database_url: str) -> dict[str, OrderRequest]:
    found = rows(database_url, "SELECT order_id, product_name, user_id, quantity, total_price FROM orders")
    return {order_id: OrderRequest(*content) for order_id, *content in found}


def _unexplained(dead: Iterable[dict[str, Any]], database_url: str) -> list[str]:
    explained = {message_id for [message_id] in rows(database_url, "SELECT message_id FROM attempts")}
    return [message["Body"] for message in dead if message["MessageId"] not in explained]


def _ids(bodies: Iterable[str]) -> set[str]:
    """The order ids in message bodies, where they have one."""
    ids = set()
    for body in bodies:
        try:
            value = json.loads(body)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("orderId"), str):
            ids.add(value["orderId"])
    return ids
