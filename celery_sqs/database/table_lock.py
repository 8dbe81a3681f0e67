"""A lock in a table: one process at a time does what the lock is for."""

import os
import socket
import uuid
from datetime import UTC, timedelta

from sqlalchemy import Engine, Insert, Table, Update, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from celery_sqs import system
from celery_sqs.database.transaction import transaction


def process_name() -> str:
    """A name for what this process does now: host, process id and a random part."""
    return f"{socket.gethostname()[:100]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


class TableLock:
    """A lock, as a context manager that gives whether the lock is ours until the end of the block; or by its methods.

    Every method raises SQLAlchemy's errors.

    Args:
        engine: to the database with the table.
        table: has a row for each lock: its name is the primary key, beside the columns `holder` and `held_until`.
        name: the lock's.
        lasts: how long the lock of a process that was killed stays locked.
    """

    def __init__(self, engine: Engine, table: Table, name: str, lasts: timedelta) -> None:
        self._engine = engine
        self._table = table
        self._key = next(iter(table.primary_key.columns))
        self._name = name
        self._lasts = lasts
        self._holder = process_name()
        self._is_ours = False

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self) -> bool:
        """Take the lock, or keep it for longer; returns whether it is ours."""
        self._is_ours = self._acquire()
        return self._is_ours

    def release(self) -> None:
        """Let the lock go, if it is ours."""
        if self._is_ours:
            columns = self._table.c
            released = update(self._table).where(self._key == self._name, columns.holder == self._holder)
            self._rows(released.values(holder=None, held_until=None))
            self._is_ours = False

    def _acquire(self) -> bool:
        columns, now = self._table.c, system.now(UTC)
        ours = {"holder": self._holder, "held_until": now + self._lasts}
        free = or_(columns.holder.is_(None), columns.holder == self._holder, columns.held_until < now)
        if self._rows(update(self._table).where(self._key == self._name, free).values(ours)):
            return True
        known = select(self._key).where(self._key == self._name)
        if transaction(self._engine, lambda connection: connection.execute(known).first()):
            return False
        try:
            self._rows(insert(self._table).values({self._key.name: self._name, **ours}))
        except IntegrityError:  # another process was first
            return False
        return True

    def _rows(self, statement: Insert | Update) -> int:
        """Run a statement; returns the number of rows that it has changed."""
        return transaction(self._engine, lambda connection: connection.execute(statement).rowcount)
