"""What may be an outage, told apart by what happens: no good order pays, and one bad order holds up no others."""

import json
import signal
import time
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from tests.faults.database_proxy import DatabaseProxy
from tests.mariadb import rows
from tests.polling import poll

pytestmark = pytest.mark.long

BACK = 10  # seconds after the end of an outage until all is stored
NOTICED = 10  # seconds until a worker knows of an outage: four for a transaction, three for a probe
#: Seconds until a worker has ended whose statement is under way: four for that, three for the probe, and ten more.
STOPPED = 17
GOES_ON = 8  # seconds that an outage lasts from then on: longer than three receives of two seconds

SLOW = 40  # seconds for 100 orders of 50 ms each

GOOD = 99
BAD_WORD = "'; DROP TABLE"


@pytest.fixture
def database(environment):
    return make_url(environment["DATABASE_URL"]).database


def message(order_id=None, name="Widget"):
    order = {
        "orderId": order_id or str(uuid4()),
        "userId": 1,
        "productName": name,
        "quantity": 2,
        "totalPrice": 99.90,
        "status": "pending",
        "timestamp": "2026-01-24T12:00:00Z",
    }
    return json.dumps(order)


def stored(environment):
    return rows(environment["DATABASE_URL"], "SELECT COUNT(*) FROM orders")[0][0]


def assert_nobody_has_paid(environment, queues):
    assert rows(environment["DATABASE_URL"], "SELECT DISTINCT attempts FROM orders") == ((1,),)
    assert rows(environment["DATABASE_URL"], "SELECT * FROM attempts") == ()
    assert queues.dead() == []


def test_a_worker_ends_while_the_server_is_suspended(start_worker, environment, queues, mariadb_server):
    worker = start_worker("-c", "1")
    queues.send(message())
    poll(lambda: stored(environment) == 1, 10, "its pool has a connection")
    with mariadb_server.suspended():
        queues.send(message())
        poll(lambda: queues.waiting() == 1 and not queues.visible(), 10, "its statement is under way")
        worker.send(signal.SIGTERM)
        assert worker.wait(STOPPED) == 0
    assert_nobody_has_paid(environment, queues)


class TestSlowDatabase:
    def test_it_stores_orders_one_by_one_although_no_batch_is_stored_in_time(
        self, start_worker, environment, queues, mariadb_server, database
    ):
        slow = "CREATE TRIGGER slow BEFORE INSERT ON orders FOR EACH ROW DO SLEEP(0.05)"
        mariadb_server.execute(slow, database)
        for _ in range(100):
            queues.send(message())
        start_worker()
        poll(lambda: stored(environment) == 100, SLOW, "all orders are stored")
        assert_nobody_has_paid(environment, queues)


class TestForgottenTransaction:
    def test_it_holds_up_the_orders_that_it_has_locked_and_no_others(
        self, start_worker, environment, queues, mariadb_server, database
    ):
        worker = start_worker()
        locked = [str(uuid4()), str(uuid4())]
        for order_id in locked:
            queues.send(message(order_id))
        poll(lambda: stored(environment) == len(locked), 10, "they are stored")
        ids = ", ".join(f"'{order_id}'" for order_id in locked)
        lock = f"SELECT * FROM orders WHERE order_id IN ({ids}) FOR UPDATE"
        rows_alone = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
        with mariadb_server.holding(database, rows_alone, "BEGIN", lock):
            for order_id in locked:
                queues.send(message(order_id))
            others = 20
            for _ in range(others):
                queues.send(message())
            poll(lambda: stored(environment) == len(locked) + others, 10, "the others are stored")
            poll(lambda: worker.says("orders wait for another transaction's locks"), 10, "it is in the log")
            time.sleep(2 * GOES_ON)
            queues.send(message())
            poll(lambda: stored(environment) == len(locked) + others + 1, 10, "a later one is stored")
            assert not worker.says("is away")
            poll(lambda: queues.waiting() == len(locked), 10, "nothing but the locked ones is left")
        poll(lambda: queues.waiting() == 0, BACK, "they are done")
        assert_nobody_has_paid(environment, queues)


class TestProxyBeforeTheDatabase:
    @pytest.fixture
    def proxy(self, mariadb_server):
        between = DatabaseProxy(mariadb_server.port)
        yield between
        between.stop()

    @pytest.fixture
    def environment(self, environment, proxy):
        through = make_url(environment["DATABASE_URL"]).set(port=proxy.port)
        return environment | {"DATABASE_URL": through.render_as_string(hide_password=False)}

    def test_an_error_number_of_its_own_on_every_statement_is_an_outage(self, start_worker, environment, queues, proxy):
        worker = start_worker()
        queues.send(message())
        poll(lambda: stored(environment) == 1, 10, "the worker works")
        with proxy.rejecting(9001):
            for _ in range(20):
                queues.send(message())
            poll(lambda: worker.says("is away"), NOTICED, "the worker has noticed")
            time.sleep(GOES_ON)
            assert queues.dead() == []
        poll(lambda: stored(environment) == 21, BACK, "all orders are stored")
        assert_nobody_has_paid(environment, queues)

    def test_an_order_that_makes_it_drop_the_connection_is_dead_alone_with_its_reason(
        self, start_worker, environment, queues, proxy, mariadb_server, database
    ):
        bad = str(uuid4())
        for number in range(GOOD + 1):
            queues.send(message(bad, BAD_WORD) if number == GOOD // 2 else message())
        with proxy.dropping(BAD_WORD.encode()):
            worker = start_worker()
            poll(lambda: stored(environment) == GOOD, 10, "its neighbours are stored")
            poll(queues.dead, 20, "it is in the DLQ")
        reasons = "SELECT kind, message, final FROM attempts WHERE order_id = '{}' ORDER BY receive_count"
        attempts = mariadb_server.execute(reasons.format(bad), database)
        assert [(kind, final) for kind, _, final in attempts] == [("own", 0), ("own", 0), ("own", 1)]
        assert all(text for _, text, _ in attempts)
        assert [dead["orderId"] for dead in queues.dead()] == [bad]
        assert mariadb_server.execute("SELECT COUNT(*) FROM attempts", database) == ((3,),)
        assert worker.says("the probe succeeds")
