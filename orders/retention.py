"""Deleting failed attempts that are old. Orders themselves are kept."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Delete, Engine, Row, delete, func, select

from orders.tables import attempts, orders
from orders.transaction import transaction

#: Attempts that are looked at, and deleted, in one go. Each has a traceback.
BATCH: Final = 500


def purge_attempts(engine: Engine, before: datetime, on_its_way: timedelta, keep_on: Callable[[], bool]) -> int:
    """Delete the failed attempts that are older than an instant; returns how many.

    Where the order is not stored, its message may still be in a queue or in the DLQ, and what has failed counts. Such
    attempts are kept until no attempt at the same message is younger than `on_its_way` before that instant.

    Args:
        engine: from `orders.database.connect`.
        before: aware.
        on_its_way: how long a message may be in a queue and in the DLQ, in all.
        keep_on: asked before each batch, whether to go on.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    deleted, behind, columns = 0, 0, attempts.c
    # By the key, which grows with the time: those that are kept are passed by, and ahead are only younger ones.
    while keep_on():
        query = select(columns.id, columns.order_id, columns.message_id, columns.failed_at).where(columns.id > behind)
        rows = _all(engine, query.order_by(columns.id).limit(BATCH))
        old = [row for row in rows if row.failed_at < before]
        if not old:
            break
        behind = rows[-1].id
        over = _over(engine, old, before - on_its_way)
        deleted += _run(engine, delete(attempts).where(columns.id.in_(over))) if over else 0
    return deleted


def _over(engine: Engine, old: Sequence[Row[Any]], left_before: datetime) -> list[int]:
    """Of old attempts the ids of those whose message is on its way no more."""
    columns = attempts.c
    stored = select(orders.c.order_id).where(orders.c.order_id.in_({row.order_id for row in old if row.order_id}))
    last = select(columns.message_id, func.max(columns.failed_at).label("failed_at"))
    last = last.where(columns.message_id.in_({row.message_id for row in old})).group_by(columns.message_id)
    stored_ids = {row.order_id for row in _all(engine, stored)}
    last_at = {row.message_id: row.failed_at for row in _all(engine, last)}
    return [row.id for row in old if row.order_id in stored_ids or last_at[row.message_id] < left_before]


def _all(engine: Engine, query: Any) -> Sequence[Row[Any]]:
    return transaction(engine, lambda connection: connection.execute(query).all())


def _run(engine: Engine, statement: Delete) -> int:
    return transaction(engine, lambda connection: connection.execute(statement).rowcount)
