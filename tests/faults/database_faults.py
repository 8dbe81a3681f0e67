"""Faults of the database server that last: what an administrator, a backup or a hung disk does to everybody else."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pymysql

from tests.mariadb import APPLICATION, MariaDB


@contextlib.contextmanager
def table_locked(server: MariaDB, table: str, database: str) -> Iterator[None]:
    """Keep everybody else from reading and writing a table, as a maintenance script does."""
    with _administrator(server, database) as cursor:
        cursor.execute(f"LOCK TABLES {table} WRITE")
        yield


@contextlib.contextmanager
def flushed_with_read_lock(server: MariaDB) -> Iterator[None]:
    """Keep everybody from writing, as a backup does that wants a still database."""
    with _administrator(server) as cursor:
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        yield


@contextlib.contextmanager
def frozen(server: MariaDB) -> Iterator[None]:
    """Suspend the server when the application has lost its connections: each new one hangs in its handshake."""
    server.execute(f"KILL USER {APPLICATION}")
    with server.suspended():
        yield


@contextlib.contextmanager
def _administrator(server: MariaDB, database: str | None = None) -> Iterator[Any]:
    """A cursor; what it has locked is free again at the end, as its connection ends."""
    connection = pymysql.connect(
        host="127.0.0.1", port=server.port, user="root", database=database, autocommit=True, connect_timeout=2
    )
    with connection, connection.cursor() as cursor:
        yield cursor
