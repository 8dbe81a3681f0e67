"""How to reach the database: one engine, with a time limit on everything that can hang."""

import os
import weakref
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection

CONNECT_TIMEOUT: Final = 3  # seconds
STATEMENT_TIMEOUT: Final = 10  # seconds without an answer on the socket
LOCK_WAIT_TIMEOUT: Final = 5  # seconds
POOL_TIMEOUT: Final = 3  # seconds to wait for a connection of the pool
POOL_RECYCLE: Final = 280  # seconds; below the idle limits of the usual proxies and firewalls

#: Strict mode refuses what does not fit a column; without it MariaDB would cut it and carry on.
_MARIADB_SESSION: Final = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO', "
    f"time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_WAIT_TIMEOUT}"
)


def connect(database_url: str) -> Engine:
    """An engine for the database. Nothing is opened until the first statement.

    It may be made before a fork: the child starts with an empty pool and leaves the parent's
    connections alone.
    """
    url = make_url(database_url)
    engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _mariadb(url)
    _empty_pool_after_fork(engine)
    return engine


def _mariadb(url: URL) -> Engine:
    # PyMySQL makes Latin-1 of a password that is text, and MariaDB reads UTF-8.
    password = {"password": url.password.encode()} if url.password else {}
    return create_engine(
        url,
        # Fewer gap locks than REPEATABLE READ, so fewer deadlocks between workers.
        isolation_level="READ COMMITTED",
        pool_timeout=POOL_TIMEOUT,
        pool_recycle=POOL_RECYCLE,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT,
            "read_timeout": STATEMENT_TIMEOUT,
            "write_timeout": STATEMENT_TIMEOUT,
            "init_command": _MARIADB_SESSION,
            **password,
        },
    )


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": LOCK_WAIT_TIMEOUT})
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
