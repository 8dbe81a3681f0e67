"""An order on its way into the table: how it reached a worker, what became of it, and its row."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from orders.order import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An order as it reached a worker.

    Attributes:
        order: the order.
        task_id: the message that brought it; a redelivery has the same.
        attempts: how often a worker has tried, this time included.
        worker: the worker's name.
    """

    order: Order
    task_id: str
    attempts: int
    worker: str


class Result(Enum):
    """What became of an arrival."""

    PERSISTED = "persisted"
    DUPLICATE = "duplicate"  # the same order was there already
    CONFLICT = "conflict"  # another order was there already, under the same id
    LOCKED = "locked"  # another transaction holds its id, so it is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """A row of `orders`."""

    order: Order
    persisted_at: datetime
    attempts: int
    worker: str
    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result for one arrival, with the row that stands under its id; None where that is locked."""

    arrival: Arrival
    result: Result
    stored: StoredOrder | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a user's list of orders, newest first: just behind this order."""

    accepted_at: datetime
    order_id: UUID
