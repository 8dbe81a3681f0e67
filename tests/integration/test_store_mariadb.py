"""The store under what only a server can do to it: killed connections, held locks, lost rights."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import DBAPIError

from orders.database import connect
from orders.faults import is_lock_wait, is_outage, is_transient
from orders.outcome import Result
from orders.store import OrderStore
from orders.tables import orders
from tests.polling import poll
from tests.unit.samples import an_arrival, an_order


@pytest.fixture
def database_url(mariadb_server):
    return mariadb_server.fresh()


@pytest.fixture
def kill(mariadb_server, database_url):
    """A function that kills all connections to the database, as an administrator would."""

    def connections():
        name = make_url(database_url).database
        rows = mariadb_server.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{name}'")
        for (connection,) in rows:
            mariadb_server.execute(f"KILL {connection}")
        return len(rows)

    return connections


def test_connections_killed_in_the_pool_are_survived(store, kill):
    store.persist([an_arrival()])
    assert kill() == 1
    assert store.persist([an_arrival()])[0].result is Result.PERSISTED


def test_a_pool_full_of_killed_connections_is_survived(store, engine, kill):
    open_at_once = [engine.connect() for _ in range(5)]
    for connection in open_at_once:
        connection.execute(text("SELECT 1"))
        connection.close()
    assert kill() == 5
    assert store.persist([an_arrival()])[0].result is Result.PERSISTED


def test_reading_survives_killed_connections_as_well(store, kill):
    order = an_order()
    store.persist([an_arrival(order)])
    kill()
    assert store.get(order.order_id).order == order
    kill()
    assert len(store.newest(1, 10)) == 1
    kill()
    assert store.reachable()


def test_a_connection_killed_in_the_middle_of_a_statement_is_survived(store, engine, mariadb_server):
    order = an_order()
    store.persist([an_arrival(order)])
    waiting = "SELECT id FROM information_schema.processlist WHERE info LIKE 'INSERT INTO orders%'"
    with engine.connect() as holder, ThreadPoolExecutor(1) as thread:
        holder.execute(select(orders).with_for_update())
        persisting = thread.submit(store.persist, [an_arrival(order)])
        [(connection,)] = poll(lambda: mariadb_server.execute(waiting), 5, "the insert waits for the lock")
        mariadb_server.execute(f"KILL {connection}")
        holder.rollback()
        assert persisting.result(10)[0].result is Result.DUPLICATE


def test_a_lock_that_is_let_go_is_waited_for(store, engine):
    order = an_order()
    store.persist([an_arrival(order)])
    holder = engine.connect()
    holder.execute(select(orders).with_for_update())
    letting_go = threading.Timer(0.5, holder.close)
    letting_go.start()
    assert store.persist([an_arrival(order)])[0].result is Result.DUPLICATE
    letting_go.join()


def test_a_lock_that_is_held_on_is_a_transient_error(database_url, engine):
    order = an_order()
    OrderStore(engine).persist([an_arrival(order)])
    impatient = connect(database_url)
    with engine.connect() as holder, impatient.connect() as waiting:
        holder.execute(select(orders).with_for_update())
        waiting.execute(text("SET innodb_lock_wait_timeout = 0"))
        with pytest.raises(DBAPIError) as refused:
            waiting.execute(select(orders).with_for_update())
        waiting.rollback()
        holder.rollback()
    impatient.dispose()
    assert is_transient(refused.value)
    assert is_lock_wait(refused.value)


def test_a_read_only_server_is_an_outage(mariadb_server, database_url):
    name = make_url(database_url).database
    mariadb_server.execute("CREATE OR REPLACE USER reader IDENTIFIED BY 'pw'")
    mariadb_server.execute(f"GRANT SELECT, INSERT, UPDATE ON {name}.* TO reader")
    engine = connect(str(make_url(database_url).set(username="reader", password="pw").render_as_string(False)))
    store = OrderStore(engine)
    assert store.persist([an_arrival()])
    mariadb_server.execute("SET GLOBAL read_only = 1")
    try:
        with pytest.raises(DBAPIError) as refused:
            store.persist([an_arrival()])
        assert store.reachable()
    finally:
        mariadb_server.execute("SET GLOBAL read_only = 0")
        engine.dispose()
    assert is_outage(refused.value)


@pytest.mark.parametrize(
    "spoil",
    ["DROP TABLE {}.orders", "ALTER TABLE {}.orders DROP COLUMN worker", "DROP DATABASE {}"],
    ids=["no table", "no column", "no database"],
)
def test_a_schema_that_is_not_there_is_an_outage(mariadb_server, database_url, store, spoil):
    mariadb_server.execute(spoil.format(make_url(database_url).database))
    with pytest.raises(DBAPIError) as refused:
        store.persist([an_arrival()])
    assert is_outage(refused.value)


def test_a_wrong_password_is_an_outage(mariadb_server, database_url):
    engine = connect(make_url(database_url).set(username="nobody", password="wrong").render_as_string(False))
    with pytest.raises(DBAPIError) as refused:
        OrderStore(engine).persist([an_arrival()])
    engine.dispose()
    assert is_outage(refused.value)


def test_a_value_that_does_not_fit_is_refused_and_not_cut(store):
    with pytest.raises(DBAPIError) as refused:
        store.persist([an_arrival(an_order(product_name="x" * 201))])
    assert not is_outage(refused.value)
    assert not is_transient(refused.value)
