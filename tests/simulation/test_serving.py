"""The simulated SQS over HTTP: what its clients' connections may do."""

import json
import socket

import pytest

from tests.emulator import Queues, Simulated
from tests.polling import poll


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Simulated(tmp_path_factory.mktemp("simulated"))
    yield running
    running.stop()


@pytest.fixture
def queues(server):
    both = Queues.fresh(server, 30)
    yield both
    both.delete()


@pytest.fixture
def connection(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connected:
        yield connected


def request(action, **parameters):
    body = json.dumps(parameters).encode()
    return f"POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.{action}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def answers(connection, count):
    """The statuses and bodies of so many answers."""
    with connection.makefile("rb") as lines:
        return [answer(lines) for _ in range(count)]


def answer(lines):
    status = int(lines.readline().split()[1])
    headers = dict(line.decode().strip().lower().split(": ", 1) for line in iter(lines.readline, b"\r\n"))
    return status, json.loads(lines.read(int(headers["content-length"])))


def test_requests_may_come_together_and_in_pieces(connection):
    together = request("ListQueues") + request("GetQueueUrl", QueueName="none") + request("ListQueues")
    connection.sendall(together[:150])
    connection.sendall(together[150:])
    (first, _), (second, refusal), (third, _) = answers(connection, 3)
    assert (first, second, third) == (200, 400, 200)
    assert refusal["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"


def test_another_protocol_is_refused_and_what_is_no_json_is_an_error(connection):
    connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 18\r\n\r\nAction=ListQueues&")
    connection.sendall(b"POST / HTTP/1.1\r\nx-amz-target: AmazonSQS.ListQueues\r\ncontent-length: 1\r\n\r\n{")
    (first, refusal), (second, error) = answers(connection, 2)
    assert (first, refusal["__type"]) == (400, "com.amazonaws.sqs#UnsupportedOperation")
    assert (second, error["__type"]) == (500, "com.amazonaws.sqs#InternalError")


def test_a_client_that_leaves_its_long_poll_takes_no_message(connection, queues):
    connection.sendall(request("ReceiveMessage", QueueUrl=queues.url, WaitTimeSeconds=20))
    connection.sendall(request("ListQueues"))  # which waits for the poll
    connection.close()
    for _ in range(3):  # turns of the server's loop, in which it sees the end
        queues.waiting()
    queues.send("{}")
    assert len(queues.peek(queues.url)) == 1


def test_polls_that_wait_get_one_message_each(server, queues):
    polls = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(2)]
    for each in polls:
        each.sendall(request("ReceiveMessage", QueueUrl=queues.url, WaitTimeSeconds=20))
    for body in "12":
        queues.send(body)
    bodies = [answers(each, 1)[0][1]["Messages"][0]["Body"] for each in polls]
    for each in polls:
        each.close()
    assert sorted(bodies) == ["1", "2"]
    poll(lambda: queues.waiting() == 2, 5, "both are in flight")


def test_a_poll_of_a_queue_that_is_deleted_is_refused(server, connection):
    queues = Queues.fresh(server, 30)
    connection.sendall(request("ReceiveMessage", QueueUrl=queues.url, WaitTimeSeconds=20))
    queues.delete()
    [(status, refusal)] = answers(connection, 1)
    assert (status, refusal["__type"]) == (400, "com.amazonaws.sqs#QueueDoesNotExist")
