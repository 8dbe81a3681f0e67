"""The insert of the peers: the columns, the table and the server of the project's own worker."""

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
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " ON DUPLICATE KEY UPDATE order_id = order_id"
)

_per_thread = threading.local()


def insert(orders: Sequence[tuple[dict[str, Any], str, int]], worker: str) -> None:
    """Write orders in one statement and one transaction, on a connection that the thread keeps.

    Args:
        orders: for each its message, the id of the SQS message or task, and its receive count.
        worker: who writes.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        (
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
        for order, task_id, attempts in orders
    ]
    with connection().cursor() as cursor:
        cursor.executemany(_INSERT, rows)  # PyMySQL makes one statement of it


def connection() -> Any:
    """The thread's connection; each statement commits."""
    if not hasattr(_per_thread, "connection"):
        url = urlsplit(os.environ["DATABASE_URL"])
        _per_thread.connection = pymysql.connect(
            host=url.hostname, port=url.port or 0, user=url.username, database=url.path[1:], autocommit=True
        )
    return _per_thread.connection
