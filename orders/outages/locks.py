"""Writing around locks: the rows that nobody holds are written, and the others are left out."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DBAPIError

from orders.faults import is_lock_wait
from orders.outages.deadline import within

#: Seconds for all of it: nothing in it waits for a lock.
TIMEOUT: Final = 2.0

_WAIT_FOR_NO_LOCK: Final = text("SET SESSION innodb_lock_wait_timeout = 0, lock_wait_timeout = 0")

Rows = Sequence[dict[str, Any]]
Write = Callable[[Connection, Rows], Sequence[Row[Any]]]


def write_around(engine: Engine, write: Write, rows: Rows) -> list[Row[Any]]:
    """Write what no other transaction holds locked, on MariaDB; k locked rows among n cost O(k log n) statements.

    Args:
        engine: of the database.
        write: writes some of the rows and returns what stands in the table afterwards.
        rows: what to write.

    Returns:
        What `write` has returned for the rows that were free.

    Raises:
        sqlalchemy.exc.DBAPIError: any error but a lock.
    """
    with within(TIMEOUT), engine.connect() as connection:
        connection.execute(_WAIT_FOR_NO_LOCK)
        connection.commit()
        try:
            return _free(connection, write, rows)
        finally:
            connection.invalidate()  # nobody else is to get a connection that does not wait


def _free(connection: Connection, write: Write, rows: Rows) -> list[Row[Any]]:
    try:
        with connection.begin():
            return list(write(connection, rows))
    except DBAPIError as error:
        if not is_lock_wait(error):
            raise
    if len(rows) == 1:
        return []
    middle = len(rows) // 2
    return _free(connection, write, rows[:middle]) + _free(connection, write, rows[middle:])
