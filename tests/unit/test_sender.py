"""Sending returns SQS's confirmation, or says within its time limit that there is none."""

import threading
import time

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tasks.sqs.errors import NotConfirmed
from tasks.sqs.sender import send
from tasks.sqs.wire import Outgoing

MESSAGE = Outgoing("{}", {})


class SQS:
    """Does with a message what it is told."""

    def __init__(self, answer):
        self._answer = answer
        self.sent = []

    def send_message(self, **parameters):
        self.sent.append(parameters)
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer() if callable(self._answer) else self._answer


def test_it_returns_the_message_id():
    sqs = SQS({"MessageId": "4711"})

    assert send(sqs, "http://q", MESSAGE, timeout=5) == "4711"
    assert sqs.sent == [{"QueueUrl": "http://q", "MessageBody": "{}", "MessageAttributes": {}}]


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://q"),
        ClientError({"Error": {"Code": "RequestThrottled", "Message": ""}}, "SendMessage"),
        ClientError({"Error": {"Code": "ExpiredToken", "Message": ""}}, "SendMessage"),
        ConnectionResetError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_sqs_means_not_confirmed(error):
    with pytest.raises(NotConfirmed) as raised:
        send(SQS(error), "http://q", MESSAGE, timeout=5)
    assert raised.value.__cause__ is error


def test_an_answer_that_never_comes_means_not_confirmed_in_time():
    end = threading.Event()
    sqs = SQS(lambda: end.wait(10))
    started = time.monotonic()

    with pytest.raises(NotConfirmed):
        send(sqs, "http://q", MESSAGE, timeout=0.2)

    assert time.monotonic() - started < 2
    end.set()


def test_a_silent_sqs_does_not_make_later_callers_wait_longer_than_their_limit():
    end = threading.Event()
    sqs = SQS(lambda: end.wait(10))
    started = time.monotonic()

    def try_once():
        with pytest.raises(NotConfirmed):
            send(sqs, "http://q", MESSAGE, timeout=0.3)

    callers = [threading.Thread(target=try_once) for _ in range(200)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert time.monotonic() - started < 3
    end.set()
