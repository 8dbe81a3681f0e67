"""Orders as rows of the table, and what became of each that was to be written."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Row
from sqlalchemy.dialects.mysql import insert as mariadb_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from orders.order import Order
from orders.outcome import Arrival, Outcome, Result, StoredOrder
from orders.tables import MAX_NAME


def insert_or_keep(dialect: str, *key: Column[Any]) -> Any:
    """The insert that leaves a row standing that is there already under the same key.

    Not INSERT IGNORE, which would make warnings of data errors. The no-op update makes the existing
    row part of what RETURNING gives (MariaDB 10.5, SQLite 3.35). SQLAlchemy joins the rows of one
    execution into one statement, and compiles it once:
    https://docs.sqlalchemy.org/en/21/core/connections.html#insert-many-values-behavior-for-insert-statements
    """
    table, no_change = key[0].table, {key[0].name: key[0]}
    if dialect == "sqlite":
        return sqlite_insert(table).on_conflict_do_update(index_elements=key, set_=no_change)
    return mariadb_insert(table).on_duplicate_key_update(no_change)


def to_row(arrival: Arrival, now: datetime) -> dict[str, Any]:
    """The row of an order that is written now."""
    order = arrival.order
    return {
        "order_id": str(order.order_id),
        "user_id": order.user_id,
        "product_name": order.product_name,
        "quantity": order.quantity,
        "total_price": order.total_price,
        "status": order.status,
        "accepted_at": order.timestamp,
        "persisted_at": now,
        "attempts": arrival.attempts,
        "worker": arrival.worker[:MAX_NAME],
        "task_id": arrival.task_id[:MAX_NAME],
    }


def to_stored(row: Row[Any]) -> StoredOrder:
    """The order of a row."""
    order = Order(
        order_id=UUID(row.order_id),
        user_id=row.user_id,
        product_name=row.product_name,
        quantity=row.quantity,
        total_price=row.total_price,
        status=row.status,
        timestamp=row.accepted_at,
    )
    return StoredOrder(
        order=order,
        persisted_at=row.persisted_at,
        attempts=row.attempts,
        worker=row.worker,
        task_id=row.task_id,
    )


def persisted(arrival: Arrival, now: datetime) -> Outcome:
    """The outcome of an order that nobody had written before."""
    stored = StoredOrder(
        order=arrival.order,
        persisted_at=now,
        attempts=arrival.attempts,
        worker=arrival.worker[:MAX_NAME],
        task_id=arrival.task_id[:MAX_NAME],
    )
    return Outcome(arrival=arrival, result=Result.PERSISTED, stored=stored)


def outcome(arrival: Arrival, stored: StoredOrder | None) -> Outcome:
    """The outcome of an order, by the row that stands under its id; None where that is locked."""
    if stored is None:
        result = Result.LOCKED
    elif stored.order.content != arrival.order.content:
        result = Result.CONFLICT
    elif (stored.task_id, stored.attempts) != (arrival.task_id[:MAX_NAME], arrival.attempts):
        result = Result.DUPLICATE
    else:
        result = Result.PERSISTED
    return Outcome(arrival=arrival, result=result, stored=stored)
