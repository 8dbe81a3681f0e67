"""With a part missing: intake says what it can promise, and keeps what it has promised."""

import socket
import threading
import time

import pytest

from tests.emulator import Queues
from tests.mariadb import rows
from tests.polling import poll

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

    def test_a_post_is_answered_503_in_time(self, client):
        _assert_unavailable(client)


class TestQueueEndpointNeverAnswers:
    @pytest.fixture
    def environment(self, environment, silent_port):
        return environment | {"SQS_ENDPOINT": f"http://127.0.0.1:{silent_port}"}

    def test_a_post_is_answered_503_in_time(self, client):
        _assert_unavailable(client)


class TestDatabaseDown:
    @pytest.fixture
    def queues(self, emulator):
        """Enough time between two tries for a database to come back."""
        both = Queues.fresh(emulator, visibility_timeout=6)
        yield both
        both.delete()

    def test_orders_are_accepted_and_stored_after_it_is_back(
        self, client, start_worker, environment, queues, mariadb_server
    ):
        worker = start_worker()
        mariadb_server.stop()
        try:
            accepted = [client.post() for _ in range(5)]
            assert client.get("/readyz").json() == {"queue": "ok", "database": "unavailable"}
            assert client.get(f"/api/v1/orders/{accepted[0]}").status_code == 503
            poll(lambda: worker.output.count("attempt failed") >= 5, 20, "the worker has tried them all")
        finally:
            mariadb_server.start()

        poll(lambda: all(client.is_persisted(order_id) for order_id in accepted), 20, "all orders are stored")
        assert rows(environment["DATABASE_URL"], "SELECT COUNT(*) FROM orders") == ((5,),)
        assert queues.dead() == []


class TestQueueComesBack:
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
