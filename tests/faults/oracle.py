"""The oracle: what became of every order, from the outside.

A `Ledger` keeps what was promised to whom; `judge` holds it against the database and both queues.
It asks nothing of the code under test, only of MariaDB and SQS.
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

LOOK = 20  # seconds a looked-at message is hidden, so that it is looked at once


@dataclass(frozen=True, slots=True)
class Placed:
    """What a customer asked for. Its product's name is like no other's, so that a copy is known as one."""

    product: str
    user_id: int = 1
    quantity: int = 2
    price: Decimal = Decimal("99.90")

    @classmethod
    def some(cls, number: int) -> "Placed":
        """An order like no other; the number varies what can be varied."""
        price = Decimal(number) + Decimal(number % 100) / 100
        return cls(f"Item {number} {uuid.uuid4()}", quantity=number % 9 + 1, price=price)

    def message(self, order_id: str) -> str:
        """The body that another producer would send."""
        return json.dumps(
            {
                "orderId": order_id,
                "userId": self.user_id,
                "productName": self.product,
                "quantity": self.quantity,
                "totalPrice": float(self.price),  # two digits that a float writes as they are
                "status": "pending",
                "timestamp": "2026-01-24T12:00:00Z",
            }
        )


class Ledger:
    """What was promised. Safe to write from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accepted: dict[str, Placed] = {}
        self._accepted_at: dict[str, datetime] = {}
        self._uncertain: set[str] = set()
        self._doomed: Counter[str] = Counter()

    @property
    def accepted(self) -> dict[str, Placed]:
        """The orders that were promised, by their ids."""
        with self._lock:
            return dict(self._accepted)

    @property
    def accepted_at(self) -> dict[str, datetime]:
        """When they were promised first."""
        with self._lock:
            return dict(self._accepted_at)

    @property
    def uncertain(self) -> set[str]:
        """The products of the orders that were left open."""
        with self._lock:
            return set(self._uncertain)

    @property
    def doomed(self) -> Counter[str]:
        """The bodies that must end in the DLQ."""
        with self._lock:
            return Counter(self._doomed)

    def accept(self, order_id: str, placed: Placed) -> None:
        """The order was promised: a 202, or SQS's word."""
        with self._lock:
            self._accepted[order_id] = placed
            self._accepted_at.setdefault(order_id, datetime.now(UTC))

    def leave_open(self, placed: Placed) -> None:
        """A 503: the order may be stored or not."""
        with self._lock:
            self._uncertain.add(placed.product)

    def doom(self, body: str) -> None:
        """A message was sent that no worker can or may store. What was refused (4xx) is not noted at all."""
        with self._lock:
            self._doomed[body] += 1

    def give_up(self, verdict: "Verdict") -> None:
        """Expect nothing more of the orders that were found lost, so that no later verdict repeats it."""
        with self._lock:
            for order_id in verdict.lost:
                self._uncertain.add(self._accepted.pop(order_id).product)


@dataclass(frozen=True)
class Verdict:
    """What is wrong; orders by their ids, messages by their bodies.

    Attributes:
        lost: accepted, and neither stored nor in a queue.
        waiting: accepted, not stored, and still in the work queue.
        altered: stored with other content than accepted.
        doubled: stored more than once, or stored and also in a queue.
        dead: good, not stored, and in the DLQ; also what was never accepted.
        strangers: stored, though never promised nor left open.
        unexplained: in the DLQ without a row in `attempts`.
        escaped: should be in the DLQ and is not.
    """

    lost: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    escaped: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not str(self)

    def __str__(self) -> str:
        findings = {each.name: getattr(self, each.name) for each in fields(self)}
        return "; ".join(f"{len(found)} {name}: {found[:5]}" for name, found in findings.items() if found)


def judge(ledger: Ledger, database_url: str, queues: Queues) -> Verdict:
    """Hold the ledger against what there is. The workers should be done, or stopped."""
    # First the work queue: looking at it makes SQS move what has been received too often to the DLQ.
    waiting = everything(queues, queues.url)
    dead = everything(queues, queues.dlq_url)
    stored = _stored(database_url)
    accepted = ledger.accepted
    doomed_bodies = set(ledger.doomed)
    waiting_ids = _ids(message["Body"] for message in waiting if message["Body"] not in doomed_bodies)
    dead_ids = _ids(message["Body"] for message in dead if message["Body"] not in doomed_bodies)
    copies = Counter(placed.product for placed in stored.values())
    promised = {placed.product for placed in accepted.values()}
    return Verdict(
        lost=[each for each in accepted if each not in stored.keys() | waiting_ids | dead_ids],
        waiting=[each for each in accepted if each in waiting_ids - stored.keys()],
        altered=[each for each, placed in accepted.items() if each in stored and stored[each] != placed],
        doubled=[
            each
            for each, placed in accepted.items()
            if copies[placed.product] > 1 or (each in stored and each in waiting_ids | dead_ids)
        ],
        dead=sorted(dead_ids - stored.keys()),
        strangers=[each for each, placed in stored.items() if placed.product not in promised | ledger.uncertain],
        unexplained=_unexplained(dead, database_url),
        escaped=list((ledger.doomed - Counter(message["Body"] for message in dead)).elements()),
    )


def everything(queues: Queues, url: str) -> list[dict[str, Any]]:
    """All visible messages of a queue, left visible. Costs each of them a receive."""
    seen: list[dict[str, Any]] = []
    while found := queues.sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=LOOK,
        WaitTimeSeconds=0,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    ).get("Messages", []):
        seen += found
    for message in seen:
        queues.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return seen


def _stored(database_url: str) -> dict[str, Placed]:
    found = rows(database_url, "SELECT order_id, product_name, user_id, quantity, total_price FROM orders")
    return {order_id: Placed(*content) for order_id, *content in found}


def _unexplained(dead: Iterable[dict[str, Any]], database_url: str) -> list[str]:
    explained = {message_id for [message_id] in rows(database_url, "SELECT message_id FROM attempts")}
    return [message["Body"] for message in dead if message["MessageId"] not in explained]


def _ids(bodies: Iterable[str]) -> set[str]:
    """The order ids that bodies name, where they do."""
    ids = set()
    for body in bodies:
        try:
            value = json.loads(body)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("orderId"), str):
            ids.add(value["orderId"])
    return ids
