"""What keeps the store from writing ends in time, is taken for an outage, and is over when it is over."""

import contextlib
import functools
import resource
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import DBAPIError

from orders.database import connect
from orders.faults import is_outage
from orders.outcome import Result
from orders.store import OrderStore
from orders.tables import orders, probes
from tests.faults.database_proxy import DatabaseProxy
from tests.integration.test_attempts import an_attempt
from tests.mariadb import migrate
from tests.polling import poll
from tests.unit.samples import an_arrival, an_order

# Literal bounds, not the product's constants: raising one of these is to fail here.
SOME = 1.0  # seconds of a slow machine's own
GIVEN_UP = 4.0 + SOME  # until a transaction has failed whose database does not answer
PROBED = 3.0 + SOME  # until the probe has failed
LOCKED = GIVEN_UP + SOME  # until a locked table has shown: a transaction waits for it, and the probe does then

FLUSH = "FLUSH TABLES WITH READ LOCK"
LOCK_OF_ABSENT = "DELETE FROM orders WHERE order_id IN ({})"


@pytest.fixture
def name(url):
    return make_url(url).database


@pytest.fixture
def url(mariadb_server):
    return mariadb_server.fresh()


@pytest.fixture
def proxy(mariadb_server):
    between = DatabaseProxy(mariadb_server.port)
    yield between
    between.stop()


@pytest.fixture
def open_store():
    """A function that makes a store on a database."""
    engines = []

    def open_(url):
        engines.append(connect(str(url)))
        return OrderStore(engines[-1])

    yield open_
    for engine in engines:
        engine.dispose()


@pytest.fixture
def store(open_store, url):
    return open_store(url)


@pytest.fixture
def behind(open_store, url, proxy):
    """A store that reaches its database through the proxy."""
    return open_store(make_url(url).set(port=proxy.port).render_as_string(hide_password=False))


@pytest.fixture
def holding(mariadb_server, name):
    """A function that holds the locks of some statements until its block ends."""
    return functools.partial(mariadb_server.holding, name)


def assert_outage(store, longest):
    """Writing fails as in an outage, within some seconds, and so does the probe."""
    began_at = time.monotonic()
    with pytest.raises(DBAPIError) as raised:
        store.persist([an_arrival(), an_arrival()])
    assert is_outage(raised.value)
    assert time.monotonic() - began_at < longest
    began_at = time.monotonic()
    assert not store.writable()
    assert time.monotonic() - began_at < PROBED


def assert_over(store):
    assert store.writable()
    assert store.persist([an_arrival()])[0].result is Result.PERSISTED


@pytest.mark.parametrize("lock", ["LOCK TABLES orders READ", "LOCK TABLES orders WRITE", FLUSH])
@pytest.mark.long
def test_a_lock_on_the_table_is_an_outage_and_a_short_wait(store, holding, lock):
    store.persist([an_arrival()])
    with holding(lock):
        assert_outage(store, LOCKED)
    assert_over(store)


@pytest.mark.long
def test_a_migration_that_waits_for_a_metadata_lock_is_an_outage(store, holding, mariadb_server, name):
    store.persist([an_arrival()])
    altering = "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock'"
    change = "ALTER TABLE orders ADD COLUMN note INT"
    with ThreadPoolExecutor(1) as thread:
        with holding("BEGIN", "SELECT COUNT(*) FROM orders"):
            migration = thread.submit(mariadb_server.execute, change, name)
            poll(lambda: mariadb_server.execute(altering) != ((0,),), 5, "the migration waits")
            assert_outage(store, LOCKED)
        migration.result(10)
    assert_over(store)


def test_attempts_that_cannot_be_recorded_are_an_outage(store, holding):
    with holding("LOCK TABLES attempts READ"):
        with pytest.raises(DBAPIError) as raised:
            store.record_attempt(an_attempt())
        assert is_outage(raised.value)
        assert not store.writable()
    assert store.writable()


@pytest.mark.parametrize("pooled", [True, False], ids=["with an open connection", "without"])
@pytest.mark.long
def test_a_suspended_server_is_given_up_in_time(store, mariadb_server, pooled):
    if pooled:
        store.persist([an_arrival()])
    with mariadb_server.suspended():
        assert_outage(store, GIVEN_UP)
    assert_over(store)


@pytest.mark.parametrize("pooled", [True, False], ids=["with an open connection", "without"])
@pytest.mark.parametrize(("ask", "longest"), [(OrderStore.reachable, GIVEN_UP), (OrderStore.writable, PROBED)])
def test_asking_a_suspended_server_is_given_up_in_time(store, mariadb_server, ask, longest, pooled):
    if pooled:
        store.persist([an_arrival()])
    with mariadb_server.suspended():
        began_at = time.monotonic()
        assert not ask(store)
        assert time.monotonic() - began_at < longest


@pytest.mark.parametrize("pooled", [True, False], ids=["with an open connection", "without"])
@pytest.mark.parametrize("number", [9001, 1815])
def test_a_proxy_that_answers_with_numbers_of_its_own_is_an_outage(behind, proxy, number, pooled):
    if pooled:
        behind.persist([an_arrival()])
    with proxy.rejecting(number):
        assert_outage(behind, SOME)
    assert_over(behind)


def test_after_a_failover_no_connection_is_kept_to_a_server_that_has_become_read_only(store):
    # As after one, what is open may only read, and a new connection may write.
    open_at_once = [store._engine.connect() for _ in range(4)]
    for connection in open_at_once:
        connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
        connection.commit()
        connection.close()
    assert store.persist([an_arrival()])[0].result is Result.PERSISTED
    with contextlib.ExitStack() as stack:
        reopened = [stack.enter_context(store._engine.connect()) for _ in range(4)]
        assert [each.execute(text("SELECT @@tx_read_only")).scalar_one() for each in reopened] == [0] * 4


def test_a_lost_statement_is_repeated_on_one_new_connection_and_on_no_more(behind, proxy):
    behind.persist([an_arrival()])
    with proxy.dropping(b"INSERT INTO orders"):
        assert_outage(behind, SOME)
    assert_over(behind)


class TestCommit:
    """An insert that is let through proves nothing: it is the commit that has to reach the disk."""

    def test_a_server_that_commits_nothing_is_not_writable(self, behind, proxy):
        assert behind.writable()
        with proxy.rejecting(1030, b"COMMIT"):
            assert not behind.writable()
        assert behind.writable()

    def test_a_file_whose_commit_does_not_fit_on_the_disk_is_not_writable(self, open_store, tmp_path):
        url = f"sqlite:///{tmp_path}/orders.db"
        migrate(url)
        store = open_store(url)
        assert store.writable()
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        # What a commit writes to the log of an empty database is more than that; nothing else writes meanwhile.
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
        try:
            writable = store.writable()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        assert not writable
        assert store.writable()

    def test_nothing_is_left_of_it(self, store):
        assert store.writable()
        with store._engine.connect() as connection:
            for table in (orders, probes):
                assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0

    def test_probes_of_many_workers_do_not_wait_for_each_other(self, store, holding):
        with holding("BEGIN", "INSERT INTO probes VALUES ('of a worker that was stopped')"):
            assert_all_write(store)


def assert_all_write(store, workers=8):
    with ThreadPoolExecutor(workers) as threads:
        assert all(threads.map(lambda _: store.writable(), range(workers)))


class TestLockedRows:
    """A forgotten transaction holds up the orders whose rows it has locked, and no others."""

    @pytest.fixture
    def locked(self):
        return [an_order(), an_order()]

    @pytest.fixture(params=["SELECT * FROM orders WHERE order_id IN ({}) FOR UPDATE", LOCK_OF_ABSENT])
    def forgotten(self, request, store, holding, locked):
        """It holds two orders that were stored before, or that nobody else can see."""
        store.persist([an_arrival(order) for order in locked])
        ids = ", ".join(f"'{order.order_id}'" for order in locked)
        # Rows alone: by default InnoDB locks the gaps between them, too, and these are wide among so few.
        with holding("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "BEGIN", request.param.format(ids)):
            yield

    @pytest.mark.usefixtures("forgotten")
    def test_the_others_of_a_batch_are_written_in_one_short_wait(self, store, locked):
        arrivals = [an_arrival() for _ in range(98)]
        arrivals[17:17] = [an_arrival(locked[0])]
        arrivals.append(an_arrival(locked[1]))
        began_at = time.monotonic()
        outcomes = store.persist(arrivals)
        assert time.monotonic() - began_at < GIVEN_UP
        waiting = [outcome.arrival.order for outcome in outcomes if outcome.result is Result.LOCKED]
        assert waiting == locked
        assert [outcome.result for outcome in outcomes].count(Result.PERSISTED) == 98

    @pytest.mark.usefixtures("forgotten")
    def test_they_are_no_outage(self, store, locked):
        outcomes = store.persist([an_arrival(order) for order in locked])
        assert [outcome.result for outcome in outcomes] == [Result.LOCKED] * 2
        assert store.writable()

    @pytest.mark.usefixtures("forgotten")
    def test_later_transactions_wait_for_locks_again(self, store, locked):
        store.persist([an_arrival(locked[0])])
        with store._engine.connect() as connection:
            limits = "SELECT @@innodb_lock_wait_timeout > 0, @@lock_wait_timeout > 0"
            assert connection.execute(text(limits)).one() == (1, 1)
