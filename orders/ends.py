"""What orders have come to: one statement for many of them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, func, literal, select, union_all

from orders.tables import attempts, orders

#: In place of an attempt's number, which begins at 1.
STORED = 0


def ends(connection: Connection, order_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Of these orders those that are stored, or had a final attempt: `STORED`, or the last such attempt's number."""
    wanted = [str(order_id) for order_id in order_ids]
    stored = select(orders.c.order_id, literal(STORED).label("number")).where(orders.c.order_id.in_(wanted))
    died = select(attempts.c.order_id, func.max(attempts.c.id).label("number"))
    died = died.where(attempts.c.order_id.in_(wanted), attempts.c.final).group_by(attempts.c.order_id)
    found = connection.execute(union_all(died, stored)).all()
    # An order that has died may be stored after a redrive.
    return {UUID(row.order_id): row.number for row in sorted(found, key=lambda row: row.number, reverse=True)}
