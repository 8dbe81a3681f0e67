"""A client's connection: an answer's head and body leave together, and no part of an answer is kept back."""

import socket

import pytest

from config.web_worker import ClientSocket

HEAD = b"HTTP/1.1 202 ACCEPTED\r\nContent-Length: 4\r\n\r\n"


class Connection:
    """Stands for gevent's socket; keeps what each call sends."""

    def __init__(self):
        self.sent = []
        self.is_shut = False

    def sendall(self, data):
        if self.is_shut:
            raise OSError("it is closed")
        self.sent.append(data)

    def shutdown(self, how):
        self.is_shut = True


@pytest.fixture
def connection():
    """The connection itself."""
    return Connection()


@pytest.fixture
def client(connection):
    """What gunicorn sends answers to."""
    return ClientSocket(connection)


def test_the_head_of_an_answer_leaves_with_the_first_part_of_its_body(client, connection):
    client.begin_answer("a request")
    for part in (HEAD, b"body", b"more"):
        client.sendall(part)
    client.end_answer()
    assert connection.sent == [HEAD + b"body", b"more"]


def test_the_head_of_an_answer_without_a_body_leaves_at_its_end(client, connection):
    client.begin_answer("a request")
    client.sendall(HEAD)
    assert connection.sent == []
    client.end_answer()
    assert connection.sent == [HEAD]


def test_nothing_of_an_answer_that_breaks_off_is_sent_after_the_end_of_its_connection(client, connection):
    client.begin_answer("a request")
    client.sendall(HEAD)
    client.shutdown(socket.SHUT_RDWR)
    client.end_answer()
    assert connection.sent == []


def test_each_answer_of_a_connection_has_a_head_of_its_own(client, connection):
    for _ in range(2):
        client.begin_answer("a request")
        client.sendall(HEAD)
        client.sendall(b"body")
        client.end_answer()
    assert connection.sent == [HEAD + b"body"] * 2


def test_what_is_sent_outside_of_an_answer_leaves_at_once(client, connection):
    client.begin_answer("a request")
    client.end_answer()
    client.sendall(HEAD)
    assert connection.sent == [HEAD]
