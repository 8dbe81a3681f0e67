"""How to reach the database: one engine, with a time limit on everything that can hang."""

import os
import weakref
from collections.abc import Callable
from pathlib import Path
from ssl import SSLContext
from typing import Any, ClassVar, Final

from pymysql.connections import Connection
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection

from orders.faults import invalidates_connections
from orders.outages.deadline import left, within

CONNECT_TIMEOUT: Final = 3  # seconds, the handshake included
STATEMENT_TIMEOUT: Final = 7  # seconds without an answer on the socket; a worker that stops waits for it, and has 10
LOCK_WAIT_TIMEOUT: Final = 2  # seconds, for a row or a table
SQLITE_LOCK_WAIT_TIMEOUT: Final = 5  # seconds, for the file: there is one lock for all writers
POOL_TIMEOUT: Final = 3  # seconds to wait for a connection of the pool
POOL_RECYCLE: Final = 280  # seconds; below the idle limits of the usual proxies and firewalls

#: Strict mode refuses what does not fit a column; without it MariaDB would cut it and carry on.
_MARIADB_SESSION: Final = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO', "
    "time_zone = '+00:00'"
)

#: A statement that is given up here is to end on the server, too, and to let its locks go. The server is the first to
#: give up: its answer says why.
_MARIADB_LIMITS: Final = (
    f"innodb_lock_wait_timeout = {LOCK_WAIT_TIMEOUT}, lock_wait_timeout = {LOCK_WAIT_TIMEOUT}, "
    f"max_statement_time = {STATEMENT_TIMEOUT - 1}"
)


def connect(database_url: str, *, patient: bool = False) -> Engine:
    """An engine for the database. Nothing is opened until the first statement.

    Args:
        database_url: SQLAlchemy's.
        patient: whether statements may take as long as they like, as those of a migration do.

    It may be made before a fork: the child starts with an empty pool and leaves the parent's
    connections alone.
    """
    url = make_url(database_url)
    engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _mariadb(url, patient)
    _empty_pool_after_fork(engine)
    return engine


def _mariadb(url: URL, patient: bool) -> Engine:
    # PyMySQL makes Latin-1 of a password that is text, and MariaDB reads UTF-8.
    password = {"password": url.password.encode()} if url.password else {}
    timeout = None if patient else STATEMENT_TIMEOUT
    engine = create_engine(
        url,
        # Fewer gap locks than REPEATABLE READ, so fewer deadlocks between workers.
        isolation_level="READ COMMITTED",
        pool_timeout=POOL_TIMEOUT,
        pool_recycle=POOL_RECYCLE,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT,
            "read_timeout": timeout,
            "write_timeout": timeout,
            "init_command": _MARIADB_SESSION if patient else f"{_MARIADB_SESSION}, {_MARIADB_LIMITS}",
            **password,
        },
    )
    event.listen(engine, "do_connect", _open)
    event.listen(engine, "handle_error", _invalidate_pool)
    return engine


class _Connection(Connection):
    """A connection that waits no longer than to the deadline of the operation that uses it.

    PyMySQL compares these two with the socket's timeout before it reads or writes a packet.
    """

    # Without options for TLS nothing is verified. PyMySQL makes a context for each connection all the same, and loads
    # the system's certificates into it: 50 ms of CPU.
    _without_options: ClassVar[SSLContext | None] = None

    def _create_ssl_ctx(self, options: Any) -> SSLContext | None:
        make: Callable[[Any], SSLContext] = super()._create_ssl_ctx  # type: ignore[misc]  # not in the stubs
        if options:
            return make(options)
        _Connection._without_options = _Connection._without_options or make(options)
        return _Connection._without_options

    @property
    def _read_timeout(self) -> float | None:
        return left(self._longest_read)

    @_read_timeout.setter
    def _read_timeout(self, seconds: float | None) -> None:
        self._longest_read = seconds

    @property
    def _write_timeout(self) -> float | None:
        return left(self._longest_write)

    @_write_timeout.setter
    def _write_timeout(self, seconds: float | None) -> None:
        self._longest_write = seconds


def _open(dialect: object, record: object, arguments: Any, options: dict[str, Any]) -> Connection:
    """Connect: the handshake counts, too, which a suspended server never answers."""
    with within(CONNECT_TIMEOUT):
        return _Connection(*arguments, **{**options, "connect_timeout": left(CONNECT_TIMEOUT)})


def _invalidate_pool(context: ExceptionContext) -> None:
    """Have SQLAlchemy close the pool's connections, as after one that was lost."""
    if invalidates_connections(context.original_exception):
        context.is_disconnect = True


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # orders are nobody else's
    engine = create_engine(url, connect_args={"timeout": SQLITE_LOCK_WAIT_TIMEOUT})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, record: object) -> None:
    """Let the web process read while a worker writes.

    FULL makes a commit reach the disk before it is confirmed: a message is deleted on its word.
    """
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _empty_pool_after_fork(engine: Engine) -> None:
    # Two processes on one socket would read each other's answers.
    # https://docs.sqlalchemy.org/en/21/core/pooling.html#using-connection-pools-with-multiprocessing-or-os-fork
    reference = weakref.ref(engine)

    def after_fork() -> None:
        forked = reference()
        if forked is not None:
            forked.dispose(close=False)

    os.register_at_fork(after_in_child=after_fork)
