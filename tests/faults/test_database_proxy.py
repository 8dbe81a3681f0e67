"""The proxy before the database passes everything on, until it answers itself."""

import pymysql
import pytest
from sqlalchemy import text

from orders.database import connect
from tests.faults.database_proxy import DatabaseProxy
from tests.mariadb import rows


@pytest.fixture
def proxy(mariadb_server):
    running = DatabaseProxy(mariadb_server.port)
    yield running
    running.stop()


@pytest.fixture
def url(mariadb_server, proxy):
    return mariadb_server.fresh().replace(f":{mariadb_server.port}/", f":{proxy.port}/")


def test_passes_statements_and_answers_on(url):
    assert rows(url, "SELECT REPEAT('x', 100000)") == (("x" * 100000,),)


def test_answers_each_statement_with_an_error_of_its_own_and_none_afterwards(proxy, url):
    engine = connect(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
        with proxy.rejecting(9001), pytest.raises(pymysql.err.MySQLError) as raised:
            connection.connection.driver_connection.query("SELECT 2")
        assert raised.value.args[0] == 9001
        assert connection.execute(text("SELECT 3")).scalar() == 3
    engine.dispose()
    assert proxy.refused == 1


def test_a_new_connection_gets_the_error_too(proxy, url):
    with proxy.rejecting(9001), pytest.raises(pymysql.err.MySQLError, match="9001"):
        rows(url, "SELECT 1")
    assert proxy.refused


def test_a_server_that_is_away_ends_the_connection(url, mariadb_server):
    with mariadb_server.gone(), pytest.raises(pymysql.err.OperationalError):
        rows(url, "SELECT 1")
    assert rows(url, "SELECT 1") == ((1,),)


def test_stops_while_connections_are_open(mariadb_server):
    proxy = DatabaseProxy(mariadb_server.port)
    connection = pymysql.connect(host="127.0.0.1", port=proxy.port, user="root")
    proxy.stop()
    with pytest.raises(pymysql.err.OperationalError):
        connection.query("SELECT 1")
    connection.close()
