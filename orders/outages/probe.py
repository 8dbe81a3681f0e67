"""The probe: whether orders and failed attempts could be written now, so that they stay."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Engine, delete, insert
from sqlalchemy.exc import SQLAlchemyError

from orders.fields import MAX_PRODUCT_NAME
from orders.outages.deadline import within
from orders.tables import MAX_NAME, probes

#: Seconds that all of it may take, connecting included: a longer wait for an answer is a "no".
PROBE_TIMEOUT: Final = 3.0

PROBE_ROWS: Final = 100  # as many as a batch, at the least, of a database that is not slow

#: Seconds after which no more orders are begun with. A statement writes as many as all before it, so it takes about as
#: long: where one order takes less than this, all are written in half of `PROBE_TIMEOUT`.
BEGIN_FOR: Final = PROBE_TIMEOUT / 4


def writable(engine: Engine, keep_orders: Any, keep_attempt: Any) -> bool:
    """Whether orders and failed attempts could be written now: they are, and taken back.

    A transaction is committed, as only that reaches the disk. It leaves nothing behind: its row of `probes` is added
    and deleted, and no two of them meet. Orders and an attempt are taken back before it is committed. They find a
    table that is locked, a right that is missing, and a full disk: that lets statements without rows pass, and even a
    single row, which fits into the pages that are there. So there are as many orders as of a batch; but fewer where the
    database is slow, as that is no outage: one that stores ten orders a second stores them. Tried once.
    """
    try:
        with within(PROBE_TIMEOUT), engine.begin() as connection:
            _write(connection, keep_orders, keep_attempt)
    except SQLAlchemyError:
        return False
    return True


def _write(connection: Connection, keep_orders: Any, keep_attempt: Any) -> None:
    row = {"id": str(uuid4())}
    connection.execute(insert(probes), row)
    savepoint = connection.begin_nested()
    _write_orders(connection, keep_orders)
    connection.execute(keep_attempt, _attempt())
    savepoint.rollback()
    connection.execute(delete(probes).where(probes.c.id == row["id"]))


def _write_orders(connection: Connection, keep_orders: Any) -> None:
    began_at, written = time.monotonic(), 0
    while written < PROBE_ROWS and time.monotonic() - began_at < BEGIN_FOR:
        rows = max(1, written)
        connection.execute(keep_orders, [_order(written + number) for number in range(rows)])
        written += rows


def _order(number: int) -> dict[str, Any]:
    """An order of nobody's that needs as much room as any.

    Its id comes behind those of all orders: InnoDB locks gaps, too, so a lock on one of them might stop it.
    """
    now, widest_name = datetime.now(UTC), "x" * MAX_NAME
    return {
        "order_id": f"z{uuid4().hex}{number:03}",
        "user_id": 1,
        "product_name": "x" * MAX_PRODUCT_NAME,
        "quantity": 1,
        "total_price": Decimal(0),
        "status": "pending",
        "accepted_at": now,
        "persisted_at": now,
        "attempts": 0,
        "worker": widest_name,
        "task_id": widest_name,
    }


def _attempt() -> dict[str, Any]:
    now = datetime.now(UTC)
    texts = dict.fromkeys(("task", "task_id", "error_class", "message", "traceback", "worker", "kind"), "")
    numbers = {"receive_count": 0, "final": False}
    return {**texts, **numbers, "message_id": str(uuid4()), "failed_at": now, "next_visible_at": now}
