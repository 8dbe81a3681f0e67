"""What a database error means: the order's own fault, a passing clash, or perhaps an outage.

Only what is known to be the order's own fault is one at once. A proxy before the database has error numbers of its
own, and a server gets new ones, so whatever else the driver raises may be an outage: the probe decides
(`celery_sqs.tasks.suspicion`). Error numbers: https://mariadb.com/kb/en/mariadb-error-codes/ and
https://www.sqlite.org/rescode.html
"""

import re
import sqlite3
from typing import Final

from pymysql.err import DataError, IntegrityError, MySQLError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

#: Faults of a row or of the SQL that the driver has no class of its own for.
_MARIADB_OWN: Final = frozenset({
    1064, 1136, 1149,  # the SQL is wrong
    1292, 1366, 1411, 1690,  # a value is of the wrong type or out of range
    1267, 1300, 3854,  # text that the column's character set or collation does not take
    1644,  # a trigger refuses it: SIGNAL
    3819, 4025,  # a check constraint: MySQL's number, and MariaDB's
})  # fmt: skip

#: A lock on a row or on the table (LOCK TABLES, ALTER, FLUSH TABLES WITH READ LOCK) was not to be had in time.
_MARIADB_LOCK_WAIT: Final = 1205

_MARIADB_TRANSIENT: Final = frozenset({
    1020,  # record has changed since last read
    _MARIADB_LOCK_WAIT, 1213,  # lock wait timeout, deadlock
    1317, 1927, 1969,  # query interrupted, connection killed, statement timeout
})  # fmt: skip

#: No such database, column or table. SQLAlchemy asks for tables that way, and goes on.
_MARIADB_NO_SCHEMA: Final = frozenset({1049, 1054, 1146})

_SQLITE_OWN: Final = frozenset({
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_TOOBIG,
})  # fmt: skip

#: The schema is not there yet, or not migrated yet; SQLite has only its general code for that.
_SQLITE_NO_SCHEMA: Final = re.compile("no such table|no such column|has no column named")

_SQLITE_TRANSIENT: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_SCHEMA})

#: The low byte of an extended SQLite code is its primary code.
_SQLITE_PRIMARY: Final = 0xFF


def is_outage(error: BaseException) -> bool:
    """Whether the database as a whole may be out of use: it is, if the probe fails, too."""
    if isinstance(error, PoolTimeout):
        return True
    cause = _driver_error(error)
    return isinstance(cause, sqlite3.Error | MySQLError) and not _is_own(cause)


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may well succeed if it is run again at once."""
    cause = _driver_error(error)
    if isinstance(cause, sqlite3.Error):
        return _sqlite_code(cause) in _SQLITE_TRANSIENT
    return _mariadb_code(cause) in _MARIADB_TRANSIENT


def is_lock_wait(error: BaseException) -> bool:
    """Whether a lock was not to be had in time: on one row among others, or on the table."""
    return _mariadb_code(_driver_error(error)) == _MARIADB_LOCK_WAIT


def invalidates_connections(error: BaseException) -> bool:
    """Whether what raised it may go on raising it on the connections that are open.

    After a fail-over they lead to a server that is read-only, while a new one leads to the new primary.
    """
    is_of_statement = is_transient(error) or _mariadb_code(_driver_error(error)) in _MARIADB_NO_SCHEMA
    return is_outage(error) and not is_of_statement


def _is_own(error: sqlite3.Error | MySQLError) -> bool:
    """Whether an order, or our SQL, has caused it."""
    if isinstance(error, sqlite3.Error):
        return _sqlite_code(error) in _SQLITE_OWN and not _SQLITE_NO_SCHEMA.search(str(error))
    return isinstance(error, DataError | IntegrityError) or _mariadb_code(error) in _MARIADB_OWN


def _driver_error(error: BaseException) -> BaseException:
    """The driver's exception inside SQLAlchemy's, or the exception itself."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig
    return error


def _sqlite_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & _SQLITE_PRIMARY


def _mariadb_code(error: BaseException) -> int | None:
    if isinstance(error, MySQLError) and error.args and isinstance(error.args[0], int):
        return error.args[0]
    return None
