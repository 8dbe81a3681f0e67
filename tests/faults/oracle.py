"""The oracle: what became of every order, seen from outside.

`AcceptedOrders` records what the clients were promised; `find_anomalies` compares it with the database and both
queues. The oracle asks nothing of the code under test, only MariaDB and SQS.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from celery_sqs.message.renewal import opened
from tests.emulator import Queues
from tests.faults.accepted_orders import AcceptedOrders, OrderRequest, Prediction
from tests.mariadb import rows

HIDDEN_FOR = 20  # seconds that a message stays hidden after it was read, so that it is read once


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
        unexplained: in the DLQ without a row in `attempts`, unless a scan has found that no worker would run it.
        not_dead: should be in the DLQ and is not.
        mispredicted: in the DLQ as it should be, with other attempts on record than were predicted.
    """

    lost: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    not_dead: list[str] = field(default_factory=list)
    mispredicted: list[str] = field(default_factory=list)

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
    recorded, poison = _recorded(database_url), _poison(database_url)
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
        unexplained=[
            message["Body"] for message in dead if not any(each.is_of(message) for each in (*recorded, *poison))
        ],
        not_dead=list((accepted.expected_dead - Counter(message["Body"] for message in dead)).elements()),
        mispredicted=_mispredicted(dead, recorded, accepted.predictions),
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


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A row of the table `attempts`."""

    message_id: str
    order_id: str | None
    kind: str

    def is_of(self, message: dict[str, Any]) -> bool:
        """Whether it was an attempt at this message, or at one that it is a copy of."""
        return bool(self.message_id == opened(message)[0]["MessageId"])


def _recorded(database_url: str) -> list[_Attempt]:
    return [_Attempt(*row) for row in rows(database_url, "SELECT message_id, order_id, kind FROM attempts ORDER BY id")]


def _poison(database_url: str) -> list[_Attempt]:
    """What scans have found that no worker would run: it needs no attempt to say why."""
    found = "SELECT message_id, NULL, kind FROM dead_messages WHERE kind = 'poison' AND gone_at IS NULL"
    return [_Attempt(*row) for row in rows(database_url, found)]


def _mispredicted(
    dead: Iterable[dict[str, Any]], recorded: list[_Attempt], predictions: dict[str, Prediction]
) -> list[str]:
    """What is dead with other attempts than predicted; what has none at all is unexplained anyway."""
    found = []
    for message in dead:
        prediction = predictions.get(message["Body"])
        if prediction is None:
            continue
        by_order = prediction.order_id
        own = [each for each in recorded if (each.order_id == by_order if by_order else each.is_of(message))]
        kinds = [each.kind for each in own]
        if kinds and not prediction.holds(kinds):
            found.append(f"{message['Body']} has {kinds}")
    return found


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
