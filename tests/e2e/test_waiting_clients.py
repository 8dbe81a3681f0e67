"""Clients that wait for their orders: a thousand on one process, which serves others meanwhile and stops in time."""

import json
import socket
import time

import pytest
from sqlalchemy import make_url

from tests.polling import poll

CLIENTS = 1000
ORDER = json.dumps({"productName": "Widget", "quantity": 2, "totalPrice": 99.90})


@pytest.fixture
def environment(environment):
    return environment | {"WEB_CONNECTIONS": "1250"}


class Waiting:
    """A client that has posted an order, and waits for 30 seconds at the most."""

    def __init__(self, port, headers):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        lines = [
            "POST /api/v1/orders HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Connection: close",
            "Content-Type: application/json",
            f"Content-Length: {len(ORDER)}",
            "Prefer: wait=30",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self._socket.sendall("\r\n".join([*lines, "", ORDER]).encode())

    def answer(self):
        """The status and the order's state."""
        with self._socket, self._socket.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)["state"]


@pytest.fixture
def wait(client, environment, token, queues):
    """A function with which so many clients post, and wait."""

    def begin(number):
        port, headers = int(environment["PORT"]), token()
        clients = [Waiting(port, headers) for _ in range(number)]
        poll(lambda: queues.waiting() == number, 60, "all orders are accepted")
        return clients

    return begin


def test_a_thousand_wait_on_one_process_and_each_gets_its_stored_order(
    wait, client, start_worker, environment, mariadb_server
):
    clients = wait(CLIENTS)
    before, began_at = selects(mariadb_server, environment), time.monotonic()
    assert client.alive()
    queued = client.post()  # others are served
    assert client.state(queued) == "queued"

    def asked():
        return selects(mariadb_server, environment) - before

    poll(lambda: asked() > 5, 10, "the database is asked again and again")
    assert asked() <= 5 * (time.monotonic() - began_at) + 10, "one question is for all"

    start_worker()

    assert {one.answer() for one in clients} == {(200, "persisted")}


def selects(mariadb_server, environment):
    name = make_url(environment["DATABASE_URL"]).database
    [[_, count]] = mariadb_server.execute("SHOW GLOBAL STATUS LIKE 'Com_select'", name)
    return int(count)


def test_a_process_that_is_stopped_answers_those_that_wait_at_once(wait, client):
    clients, stopped_at = wait(20), time.monotonic()
    client.process.stop()
    assert {one.answer() for one in clients} == {(202, "queued")}
    assert time.monotonic() - stopped_at < 15  # and not 30: the other 5 are for a machine that is busy


def test_keys_cost_little_while_the_database_is_suspended(client, mariadb_server, queues):
    client.get("/api/v1/orders")  # a connection is there
    with mariadb_server.suspended():
        began_at = time.monotonic()
        for number in range(20):
            client.post(key=f"key-{number}")
        # A transaction would wait for 4 s; 20 would take 80.
        assert time.monotonic() - began_at < 15
    assert queues.waiting() == 20
