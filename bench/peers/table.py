"""The peers' insert: into the same columns, table and server as the project's own worker."""

import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

import pymysql

# The update that changes nothing makes a redelivered order harmless, as the project's own insert does.
_INSERT: Final = (
    "INSERT INTO orders (order_id, user_id, product_name, quantity, total_price, status, accepted_at,"
    " persisted_at, attempts, worker, task_id)"
    " VALUES {values} ON DUPLICATE KEY UPDATE order_id = order_id"
)
_VALUES: Final = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"

#: An order's message, the id of the SQS message or task, and its receive count.
ReceivedOrder = tuple[dict[str, Any], str, int]

_per_thread = threading.local()


def insert(orders: Sequence[ReceivedOrder], worker: str) -> None:
    """Write orders in one statement and one transaction, on a connection that the thread keeps.

    Args:
        orders: to write.
        worker: who writes.
    """
    now = _now()
    with connection().cursor() as cursor:
        # PyMySQL makes one statement of all rows.
        cursor.executemany(_INSERT.format(values=_VALUES), [_row(order, worker, now) for order in orders])


def insert_statement(cursor: Any, orders: Sequence[ReceivedOrder], worker: str) -> str:
    """The text of the same statement, with its values."""
    now = _now()
    return _INSERT.format(values=", ".join(cursor.mogrify(_VALUES, _row(order, worker, now)) for order in orders))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _row(received: ReceivedOrder, worker: str, now: datetime) -> tuple[Any, ...]:
    order, task_id, attempts = received
    return (
        order["orderId"],
        order["userId"],
        order["productName"],
        order["quantity"],
        Decimal(str(order["totalPrice"])),
        order["status"],
        datetime.fromisoformat(order["timestamp"]).astimezone(UTC).replace(tzinfo=None),
        now,
        attempts,
        worker,
        task_id,
    )


def connection() -> Any:
    """The thread's connection; each statement commits."""
    if not hasattr(_per_thread, "connection"):
        url = urlsplit(os.environ["DATABASE_URL"])
        _per_thread.connection = pymysql.connect(
            host=url.hostname, port=url.port or 0, user=url.username, database=url.path[1:], autocommit=True
        )
    return _per_thread.connection
