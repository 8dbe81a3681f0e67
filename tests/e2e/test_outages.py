"""While SQS, the database or the workers are down, orders are accepted or refused, and each accepted one is stored."""

import os
import socket
import threading
import time

import pytest

from tests.emulator import Queues
from tests.mariadb import rows
from tests.polling import poll

LONG = os.environ.get("FAULTS") == "long"

LIMIT = 6  # seconds until a client knows that its order is not queued


@pytest.fixture
def silent_port():
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        taken = []
        threading.Thread(target=_take, args=(server, taken), daemon=True).start()
        yield server.getsockname()[1]
        for connection in taken:
            connection.close()


class TestQueueEndpointRefusesConnections:
    @pytest.fixture
    def environment(self, environment):
        return environment | {"SQS_ENDPOINT": "http://127.0.0.1:1"}

    @pytest.mark.long
    def test_a_post_is_answered_503_in_time(self, client):
        _assert_unavailable(client)


class TestQueueEndpointNeverAnswers:
    @pytest.fixture
    def environment(self, environment, silent_port):
        return environment | {"SQS_ENDPOINT": f"http://127.0.0.1:{silent_port}"}

    @pytest.mark.long
    def test_a_post_is_answered_503_in_time(self, client):
        _assert_unavailable(client)


class TestDatabaseDown:
    """For longer than all the receives that a queue allows: three of two seconds each."""

    BACKLOG = 2000 if LONG else 300  # orders, at least; intake goes on until the end
    OUTAGE = 60 if LONG else 8  # seconds
    DRAINED = 10  # seconds after its end

    @pytest.fixture
    def queues(self, emulator):
        both = Queues.fresh(emulator, visibility_timeout=2)
        yield both
        both.delete()

    @pytest.mark.timeout(300)
    @pytest.mark.long
    def test_no_order_pays_for_it(self, client, start_worker, environment, queues, mariadb_server):
        worker = start_worker()
        first = client.post()
        poll(lambda: client.is_persisted(first), 10, "the worker works")
        mariadb_server.stop()
        try:
            began_at = time.monotonic()
            posted = [client.post(quantity=number + 1) for number in range(self.BACKLOG)]
            assert client.get("/readyz").json() == {"queue": "ok", "database": "unavailable"}
            assert client.get(f"/api/v1/orders/{first}").status_code == 503
            poll(lambda: worker.says("is away"), 20, "the worker has noticed")
            while time.monotonic() - began_at < self.OUTAGE:
                posted.append(client.post(quantity=len(posted) + 1))
                time.sleep(0.02)
        finally:
            mariadb_server.start()

        poll(lambda: _stored(environment) == len(posted) + 1, self.DRAINED, "all orders are stored")
        # What the worker held was run again without another receive; all else was not received at all.
        assert _receives(environment) == {1}
        assert rows(environment["DATABASE_URL"], "SELECT * FROM attempts") == ()
        assert queues.dead() == []
        assert client.get(f"/api/v1/orders/{posted[-1]}").json()["quantity"] == len(posted)

    @pytest.mark.long
    def test_a_worker_that_starts_in_it_receives_nothing_before_its_end(
        self, client, start_worker, environment, mariadb_server
    ):
        mariadb_server.stop()
        try:
            client.post()
            worker = start_worker()
            poll(lambda: worker.says("is away"), 20, "the worker has noticed")
            time.sleep(3)
        finally:
            mariadb_server.start()

        poll(lambda: _stored(environment) == 1, self.DRAINED, "the order is stored")
        assert _receives(environment) == {1}


class TestDatabaseReadOnly:
    @pytest.mark.long
    def test_orders_wait_until_it_is_not(self, client, start_worker, environment, mariadb_server):
        worker = start_worker()
        with mariadb_server.read_only():
            client.post()
            poll(lambda: worker.says("is away"), 20, "the worker has noticed")
            time.sleep(1)
            assert _stored(environment) == 0
        poll(lambda: _stored(environment) == 1, 10, "the order is stored")
        assert _receives(environment) == {1}

    @pytest.mark.long
    def test_an_invalid_order_is_not_dead_before_its_reason_is_on_record(
        self, client, start_worker, environment, queues, mariadb_server
    ):
        worker = start_worker()
        first = client.post()
        poll(lambda: client.is_persisted(first), 10, "the worker works")
        with mariadb_server.read_only():
            queues.send('{"orderId": "5f0c1a34-9d1c-4c62-8b3a-0d6f3c1f5e11", "quantity": 0}')
            queues.send("neither JSON nor anything")
            poll(lambda: worker.says("is away"), 20, "the worker has noticed")
            time.sleep(1)
            assert queues.dead() == []
        poll(lambda: len(queues.peek(queues.dlq_url)) == 2, 10, "both are in the DLQ")
        reasons = rows(environment["DATABASE_URL"], "SELECT kind FROM attempts WHERE final = 1 ORDER BY kind")
        assert reasons == (("permanent",), ("poison",))


class TestQueueComesBack:
    @pytest.mark.long
    def test_a_worker_receives_again_after_the_emulator_was_away(self, client, start_worker, emulator):
        worker = start_worker()
        emulator.stop()
        poll(lambda: worker.says("cannot receive"), 30, "the worker has noticed")
        assert client.try_post().status_code == 503
        emulator.start()

        order_id = client.post()

        poll(lambda: client.is_persisted(order_id), 30, "the order is persisted")
        assert worker.output.count("cannot receive") == 1
        assert worker.output.count("receiving again") == 1


def _stored(environment):
    return rows(environment["DATABASE_URL"], "SELECT COUNT(*) FROM orders")[0][0]


def _receives(environment):
    """How often orders were received until they were stored."""
    return {row[0] for row in rows(environment["DATABASE_URL"], "SELECT DISTINCT attempts FROM orders")}


def _assert_unavailable(client):
    started = time.monotonic()
    answer = client.try_post()
    assert time.monotonic() - started < LIMIT
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/readyz").status_code == 503


def _take(server, taken):
    try:
        while True:
            taken.append(server.accept()[0])
    except OSError:
        return
