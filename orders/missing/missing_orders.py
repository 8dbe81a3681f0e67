"""The table of orders that are missing, and what of orders' own tables says that they are not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row, case, delete, func, insert, literal, select

from orders.attempt import FailedAttempt, attempt_of
from orders.tables import attempts, missing_orders, orders
from orders.transaction import transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """When the last failed attempt at an order was, and the last final one: aware, UTC; None without one."""

    failed_at: datetime | None
    died_at: datetime | None


class MissingOrders:
    """The list of orders that are missing. Every method raises SQLAlchemy's errors.

    Args:
        engine: from `orders.database.connect`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def attempts_of(self, order_id: UUID) -> tuple[list[FailedAttempt], datetime | None]:
        """The failed attempts at an order, oldest first, and when it was found to be missing: one statement."""
        wanted = select(literal(str(order_id)).label("order_id")).subquery()
        both = wanted.outerjoin(missing_orders, missing_orders.c.order_id == wanted.c.order_id)
        both = both.outerjoin(attempts, attempts.c.order_id == wanted.c.order_id)
        rows = self._rows(select(missing_orders.c.found_at, attempts).select_from(both).order_by(attempts.c.id))
        found_at = rows[0].found_at
        return [attempt_of(row) for row in rows if row.id is not None], found_at

    def stored_among(self, order_ids: Collection[str]) -> set[str]:
        """Those of the orders that have a row; up to 900 at once."""
        query = select(orders.c.order_id).where(orders.c.order_id.in_(order_ids))
        return {row.order_id for row in self._rows(query)}

    def ended(self, order_ids: Collection[str]) -> dict[str, Ended]:
        """When attempts at these orders failed, where any did; up to 900 at once."""
        columns = attempts.c
        query = select(
            columns.order_id, func.max(columns.failed_at), func.max(case((columns.final, columns.failed_at)))
        )
        query = query.where(columns.order_id.in_(order_ids)).group_by(columns.order_id)
        return {
            order_id: Ended(failed_at=failed, died_at=died) for order_id, failed, died in map(tuple, self._rows(query))
        }

    def page(self, after: str, limit: int) -> Sequence[Row[Any]]:
        """Up to `limit` rows of the list by order id, those behind one."""
        query = select(missing_orders).where(missing_orders.c.order_id > after)
        return self._rows(query.order_by(missing_orders.c.order_id).limit(limit))

    def newest(self, limit: int) -> Sequence[Row[Any]]:
        """Up to `limit` rows of the list, those found last first."""
        return self._rows(select(missing_orders).order_by(missing_orders.c.found_at.desc(), "order_id").limit(limit))

    def count(self, since: datetime | None = None) -> int:
        """How many are on the list, or were put there since an instant."""
        query = select(func.count()).select_from(missing_orders)
        query = query if since is None else query.where(missing_orders.c.found_at >= since)
        return int(self._rows(query)[0][0])

    def remove(self, order_ids: Collection[str]) -> list[str]:
        """Take orders from the list; returns those that were on it. Up to 900 at once."""
        query = select(missing_orders.c.order_id).where(missing_orders.c.order_id.in_(order_ids))
        listed = [row.order_id for row in self._rows(query)] if order_ids else []
        if listed:
            some = delete(missing_orders).where(missing_orders.c.order_id.in_(listed))
            transaction(self._engine, lambda connection: connection.execute(some))
        return listed

    def add(self, found: Sequence[tuple[str, datetime, datetime]]) -> list[str]:
        """Put orders on the list that are not on it yet; returns their ids. Up to 900 at once.

        Args:
            found: of each its id, when it was accepted, and its last sign of life.
        """
        query = select(missing_orders.c.order_id).where(missing_orders.c.order_id.in_([each[0] for each in found]))
        listed = {row.order_id for row in self._rows(query)} if found else set()
        now = datetime.now(UTC)
        new = [
            {"order_id": order_id, "accepted_at": accepted_at, "seen_at": seen_at, "found_at": now}
            for order_id, accepted_at, seen_at in found
            if order_id not in listed
        ]
        if new:
            transaction(self._engine, lambda connection: connection.execute(insert(missing_orders), new))
        return [str(each["order_id"]) for each in new]

    def _rows(self, query: Any) -> Sequence[Row[Any]]:
        return transaction(self._engine, lambda connection: connection.execute(query).all())
