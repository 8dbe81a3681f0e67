"""A transaction that is run again when it merely clashed with another."""

import sqlite3
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from celery_sqs.retry import retry

T = TypeVar("T")

#: Seconds from the beginning after which nothing is tried again: a clash ends within milliseconds.
DEADLINE: Final = 2.0

FIRST_PAUSE: Final = 0.05  # seconds before the second try, at the most; doubles from there
LONGEST_PAUSE: Final = 0.5  # seconds

#: Record changed since it was read, lock wait timeout, deadlock:
#: https://mariadb.com/kb/en/mariadb-error-codes/
_MARIADB_CLASHES: Final = frozenset({1020, 1205, 1213})

_SQLITE_CLASHES: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_PRIMARY: Final = 0xFF  # the low byte of an extended SQLite code is its primary code


def transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run work in a transaction and return what it returns; again, within `DEADLINE`, after a clash.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: whatever went wrong the last time.
        Exception: what `work` raised of its own, such as Celery's SoftTimeLimitExceeded.
    """
    return retry(lambda: _once(engine, work), _is_clash, deadline=DEADLINE, first=FIRST_PAUSE, longest=LONGEST_PAUSE)


def _once(engine: Engine, work: Callable[[Connection], T]) -> T:
    raised: Exception | None = None
    try:
        with engine.begin() as connection:
            try:
                return work(connection)
            except Exception as error:
                raised = error
                raise
    except DBAPIError:
        # A time limit interrupts a statement and leaves a connection that cannot roll back, which is not the cause.
        if raised is not None and not isinstance(raised, DBAPIError):
            raise raised from None
        raise


def _is_clash(error: Exception) -> bool:
    """Whether the same transaction may succeed at once. A pooled connection may have died; the next one is new."""
    if not isinstance(error, DBAPIError):
        return False
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & _SQLITE_PRIMARY in _SQLITE_CLASHES
    code = cause.args[0] if cause is not None and cause.args else None
    return error.connection_invalidated or code in _MARIADB_CLASHES
