"""Each lasting fault of the database keeps the application from writing, and is over at its end."""

import pymysql
import pytest
from sqlalchemy import make_url

from tests.faults.database_faults import flushed_with_read_lock, frozen, table_locked

LOCK_WAIT = 1  # seconds

INSERT = (
    "INSERT INTO orders VALUES"
    " (UUID(), 1, 'Widget', 1, 1, 'pending', UTC_TIMESTAMP(), UTC_TIMESTAMP(), 1, 'worker', 'task')"
)

TRIES = {
    "table locked": lambda server, database: table_locked(server, "orders", database),
    "tables flushed with read lock": lambda server, database: flushed_with_read_lock(server),
    "database frozen": lambda server, database: frozen(server),
}


@pytest.fixture
def url(mariadb_server):
    return mariadb_server.application(mariadb_server.fresh())


@pytest.mark.parametrize("kind", TRIES)
def test_no_order_can_be_written_while_the_fault_lasts_and_each_afterwards(kind, mariadb_server, url):
    insert(url)
    with TRIES[kind](mariadb_server, make_url(url).database), pytest.raises(pymysql.err.OperationalError):
        insert(url)
    insert(url)


def test_a_frozen_server_has_no_connections_of_the_application_left(mariadb_server, url):
    with connected(url) as connection:
        connection.query("SELECT 1")
        with frozen(mariadb_server), pytest.raises(pymysql.err.OperationalError, match=r"2006|2013|1927"):
            connection.query("SELECT 1")


def insert(url):
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(INSERT)


def connected(url):
    parts = make_url(url)
    return pymysql.connect(
        host=parts.host,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        database=parts.database,
        autocommit=True,
        connect_timeout=2,
        read_timeout=5,
        init_command=f"SET SESSION lock_wait_timeout = {LOCK_WAIT}",
    )
