"""The health port of a worker: clients that only hold their connections keep no probe out, and not for long."""

import contextlib
import socket
import threading

import pytest
import requests

from celery_sqs.worker.health_server import HealthServer
from tests.polling import poll

CONNECTIONS = 3
DRIP = 0.05  # seconds between two bytes


@pytest.fixture
def serve():
    """A function that starts a server with such limits; returns its address."""
    servers = []

    def start(**limits):
        server = HealthServer(("127.0.0.1", 0), lambda: {"healthy": True}, **limits)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_address

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def dripping(address):
    """A client that sends a header one byte at a time; gives an event that says when its connection has ended."""
    over, ended = threading.Event(), threading.Event()

    def drip(client):
        with contextlib.suppress(OSError):
            client.sendall(b"GET /healthz HTTP/1.0\r\nX-Slow: ")
            while not over.wait(DRIP):
                client.sendall(b"x")
        ended.set()

    with socket.create_connection(address) as client:
        thread = threading.Thread(target=drip, args=(client,))
        thread.start()
        try:
            yield ended
        finally:
            over.set()
            thread.join()


def healthy(address):
    return requests.get(f"http://{address[0]}:{address[1]}/healthz", timeout=10).json()["healthy"]


def test_a_client_that_sends_a_byte_now_and_then_is_cut_off_in_time_and_others_are_answered(serve):
    address = serve(timeout=0.3)
    with dripping(address) as ended:
        assert healthy(address)
        assert ended.wait(20)


def test_more_clients_than_there_may_be_keep_no_probe_out_and_the_oldest_is_cut_off(serve):
    address = serve(timeout=60, connections=CONNECTIONS)
    with contextlib.ExitStack() as stack:
        ends = [stack.enter_context(dripping(address)) for _ in range(CONNECTIONS)]
        for _ in range(CONNECTIONS):
            assert healthy(address)
        assert ends[0].wait(20)


def test_there_are_no_more_threads_than_connections(serve):
    address = serve(timeout=60, connections=CONNECTIONS)
    before = threading.active_count()
    with contextlib.ExitStack() as stack:
        for _ in range(5 * CONNECTIONS):
            stack.enter_context(socket.create_connection(address))
        assert healthy(address)
        poll(lambda: threading.active_count() <= before + CONNECTIONS, 20, "the others have ended")


def test_a_client_that_is_gone_is_no_error_and_a_report_that_fails_is_logged_as_one(caplog, capfd):
    def fail():
        raise ValueError("no report")

    server = HealthServer(("127.0.0.1", 0), fail)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with socket.create_connection(server.server_address) as gone:
            gone.sendall(b"GET /healthz")
        with pytest.raises(requests.ConnectionError):
            healthy(server.server_address)
        poll(lambda: "a request to the health port failed" in caplog.text, 20, "it is logged")
    finally:
        server.shutdown()
        server.server_close()
    assert "no report" in caplog.text
    assert "Traceback" not in capfd.readouterr().err
