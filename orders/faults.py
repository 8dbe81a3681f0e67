"""What a database error means: an outage, a passing clash, or the order's own fault.

An order pays only for the last of the three. Error numbers:
https://mariadb.com/kb/en/mariadb-error-codes/ and https://www.sqlite.org/rescode.html
"""

import re
import sqlite3
from typing import Final

from pymysql.err import InterfaceError as PyMySQLInterfaceError
from pymysql.err import MySQLError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_MARIADB_OUTAGE: Final = frozenset({
    3, 28, 1021, 1030, 1114,  # disk or table full, storage engine fails
    1037, 1041,  # the server has no memory left
    1040, 1203, 1226,  # too many connections, for all or for this user
    1044, 1045, 1142, 1698,  # credentials or rights were taken away
    1129, 1130,  # this host is blocked, or not allowed to connect
    1047,  # a Galera node that has lost its cluster
    1049, 1054, 1146,  # schema not there yet, or not migrated yet
    1053, 1152, 1153, 1158, 1159, 1160, 1161, 1184,  # shutting down, connection aborted
    1290, 1792, 1836,  # read-only
    3159,  # require_secure_transport, and this connection has no TLS; before MariaDB 11.4 that is 1045, too
    2002, 2003, 2005, 2006, 2013, 2014, 2026, 2055,  # client side: cannot connect, gone away, lost
    4151,  # account locked
})  # fmt: skip

_MARIADB_TRANSIENT: Final = frozenset({
    1020,  # record has changed since last read
    1205, 1213,  # lock wait timeout, deadlock
    1317, 1927, 1969,  # query interrupted, connection killed, statement timeout
})  # fmt: skip

_SQLITE_OUTAGE: Final = frozenset({
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
})  # fmt: skip

#: The schema is not there yet, or not migrated yet; SQLite has only its general code for that.
_SQLITE_NO_SCHEMA: Final = re.compile("no such table|no such column|has no column named")

_SQLITE_TRANSIENT: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_SCHEMA})

#: The low byte of an extended SQLite code is its primary code.
_SQLITE_PRIMARY: Final = 0xFF


def is_outage(error: BaseException) -> bool:
    """Whether the database as a whole cannot be used, whatever the order."""
    if isinstance(error, PoolTimeout):
        return True
    cause = _driver_error(error)
    if isinstance(cause, sqlite3.Error):
        return _sqlite_code(cause) in _SQLITE_OUTAGE or bool(_SQLITE_NO_SCHEMA.search(str(cause)))
    # PyMySQL raises a bare InterfaceError(0, "") on a connection it has closed itself.
    return isinstance(cause, PyMySQLInterfaceError) or _mariadb_code(cause) in _MARIADB_OUTAGE


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may well succeed if it is run again at once."""
    cause = _driver_error(error)
    if isinstance(cause, sqlite3.Error):
        return _sqlite_code(cause) in _SQLITE_TRANSIENT
    return _mariadb_code(cause) in _MARIADB_TRANSIENT


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
