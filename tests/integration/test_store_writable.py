"""Whether an order could be written now: found by a write that is rolled back."""

import pytest
from sqlalchemy import event, func, make_url, select, text
from sqlalchemy.exc import DBAPIError

from orders.database import connect
from orders.fields import MAX_PRODUCT_NAME
from orders.store import OrderStore
from orders.tables import MAX_NAME, orders
from tests.mariadb import migrate
from tests.unit.samples import an_arrival, an_order


@pytest.fixture
def worker(mariadb_server):
    """A store as a user who has no more rights than a worker needs, and the database's name."""
    url = make_url(mariadb_server.fresh())
    mariadb_server.execute("CREATE OR REPLACE USER worker IDENTIFIED BY 'pw'")
    mariadb_server.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {url.database}.* TO worker")
    engine = connect(url.set(username="worker", password="pw").render_as_string(False))
    yield OrderStore(engine), url.database
    engine.dispose()


@pytest.fixture
def limited(tmp_path):
    """A function that makes a store on a file whose connections begin with a PRAGMA."""
    engines = []

    def make(pragma):
        url = f"sqlite:///{tmp_path}/limited.db"
        migrate(url)
        engines.append(connect(url))
        event.listen(engines[0], "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))
        return OrderStore(engines[0])

    yield make
    for engine in engines:
        engine.dispose()


def fill(store):
    """Persist orders as wide as they can be until the database refuses one."""
    for _ in range(1000):
        order = an_order(product_name="x" * MAX_PRODUCT_NAME)
        store.persist([an_arrival(order, task_id="x" * MAX_NAME, worker="x" * MAX_NAME)])


def test_a_migrated_database_is_writable_and_nothing_is_left_of_the_trial(store, engine):
    assert store.writable()
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(orders)).scalar_one() == 0


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:////proc/orders.db", "mysql+pymysql://orders@127.0.0.1:1/orders"])
def test_a_database_without_tables_or_file_or_server_is_not_writable(url):
    engine = connect(url)
    assert not OrderStore(engine).writable()
    engine.dispose()


@pytest.mark.parametrize("spoil", ["DROP TABLE orders", "ALTER TABLE orders DROP COLUMN worker"])
def test_a_database_that_is_not_migrated_is_not_writable(store, administrator, spoil):
    with administrator.begin() as connection:
        connection.execute(text(spoil))
    assert not store.writable()


def test_a_server_is_not_writable_while_it_is_read_only(mariadb_server, worker):
    store, _ = worker
    mariadb_server.execute("SET GLOBAL read_only = 1")
    try:
        assert not store.writable()
        assert store.reachable()
    finally:
        mariadb_server.execute("SET GLOBAL read_only = 0")
    assert store.writable()


def test_a_server_that_stores_an_order_in_half_a_second_is_writable(mariadb_server, worker):
    store, database = worker
    slow = "CREATE TRIGGER slow BEFORE INSERT ON orders FOR EACH ROW DO SLEEP(0.5)"
    mariadb_server.execute(slow, database)
    assert store.writable()


def test_a_server_is_not_writable_while_it_is_stopped(mariadb_server, worker):
    store, _ = worker
    assert store.writable()
    mariadb_server.stop()
    try:
        assert not store.writable()
    finally:
        mariadb_server.start()
    assert store.writable()


@pytest.mark.parametrize("right", ["INSERT", "UPDATE", "SELECT", "DELETE"])
def test_a_server_that_took_away_a_right_is_not_writable(mariadb_server, worker, right):
    store, database = worker
    mariadb_server.execute(f"REVOKE {right} ON {database}.* FROM worker")
    assert not store.writable()


def test_a_file_is_not_writable_where_it_may_only_be_read(limited):
    store = limited("query_only = 1")
    assert store.reachable()
    assert not store.writable()


def test_a_file_without_room_for_an_order_is_not_writable(limited):
    store = limited("max_page_count = 100")
    assert store.writable()
    with pytest.raises(DBAPIError, match="full"):
        fill(store)
    assert store.reachable()
    assert not store.writable()
