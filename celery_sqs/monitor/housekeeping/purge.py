"""Deleting what is old from the monitor's tables."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Column, Engine, delete, select

from celery_sqs import system
from celery_sqs.database.batches import delete_in_batches
from celery_sqs.database.transaction import transaction
from celery_sqs.monitor.tables import revocations, task_minutes, task_state, workers

#: Rows of one DELETE, so that it does not hold its locks for long. From 1000 on MariaDB makes a table of such a list.
BATCH: Final = 900

#: For each table the column that says how old a row is.
_AGES: Final[tuple[Column[Any], ...]] = (task_state.c.changed_at, task_minutes.c.minute, workers.c.seen_at)


def purge(engine: Engine, before: datetime, keep_on: Callable[[], bool]) -> int:
    """Delete the rows that are older than an instant, and revocations that have expired; returns how many.

    Args:
        engine: of the monitor's database.
        before: aware.
        keep_on: asked before each batch, whether to go on.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    ends = [*((age, before) for age in _AGES), (revocations.c.expires_at, system.now(UTC))]
    return sum(delete_in_batches(_Oldest(engine, age, end).delete_some, keep_on) for age, end in ends)


class _Oldest:
    """The rows of a table that are older than an instant, oldest first.

    Args:
        engine: of the monitor's database.
        age: the column that says how old a row is; an index begins with it.
        before: an instant.
    """

    def __init__(self, engine: Engine, age: Column[Any], before: datetime) -> None:
        self._engine = engine
        self._age = age
        self._key = next(iter(age.table.primary_key.columns))
        self._before = before
        self._since: datetime | None = None

    def delete_some(self) -> int:
        """Delete a batch; returns how many rows."""
        query = select(self._age, self._key).where(self._age < self._before).order_by(self._age).limit(BATCH)
        if self._since is not None:  # so that what is deleted, and still in the index, is not read again
            query = query.where(self._age >= self._since)
        found = transaction(self._engine, lambda connection: connection.execute(query).all())
        if not found:
            return 0
        self._since = found[-1][0]
        # By their keys, as a range of the index would be locked with all that is inserted into it.
        some = delete(self._age.table).where(self._key.in_({row[1] for row in found}), self._age < self._before)
        transaction(self._engine, lambda connection: connection.execute(some))
        return len(found)
