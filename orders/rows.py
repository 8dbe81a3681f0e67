"""Rows of the tables as what they are about."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from orders.attempt import FailedAttempt
from orders.tables import attempts

_FIELDS: Final = tuple(name for name in attempts.c.keys() if name != "id")  # noqa: SIM118  # no mapping's


def to_attempt(row: Row[Any]) -> FailedAttempt:
    """The attempt of a row that has the columns of `attempts`, and maybe others."""
    fields = {name: getattr(row, name) for name in _FIELDS}
    fields["order_id"] = None if row.order_id is None else UUID(row.order_id)
    return FailedAttempt(**fields)
