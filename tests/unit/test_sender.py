"""Sending returns SQS's confirmation, or says within its time limit that there is none."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import EndpointConnectionError

from celery_sqs.aws.group_commit import MAX_BATCH_BYTES, MAX_ENTRIES
from celery_sqs.errors import CallFailed, NotConfirmed, Unsendable
from celery_sqs.message.outgoing import Outgoing
from celery_sqs.publish.sender import LIMITS, Sender


def message(body):
    return Outgoing(body, {}, len(body))


MESSAGE = message("{}")


class ScriptedSQS:
    """Answers SendMessageBatch as scripted, and confirms all entries once the script is through."""

    def __init__(self, *script):
        self._script = list(script)
        self._lock = threading.Lock()
        self.batches = []

    def send_message_batch(self, **parameters):
        entries = parameters["Entries"]
        with self._lock:
            self.batches.append(entries)
            step = self._script.pop(0) if self._script else None
        if isinstance(step, BaseException):
            raise step
        return step(entries) if callable(step) else _confirm(entries)

    @property
    def bodies(self):
        return [entry["MessageBody"] for entries in self.batches for entry in entries]


def _confirm(entries):
    return {"Successful": [{"Id": entry["Id"], "MessageId": f"id-{entry['MessageBody']}"} for entry in entries]}


def _refuse(sender_fault):
    return lambda entries: {
        "Failed": [{"Id": entry["Id"], "Code": "Broken", "SenderFault": sender_fault} for entry in entries]
    }


def _error(code, status):
    return CallFailed(f"SendMessageBatch: {status} {code}", code, status)


def _send_all(sender, bodies):
    with ThreadPoolExecutor(len(bodies)) as callers:
        return list(callers.map(lambda body: sender.send(message(body), timeout=5), bodies))


def test_it_returns_the_message_id():
    assert Sender(ScriptedSQS(), "http://q").send(message("a"), timeout=5) == "id-a"


def test_a_lone_message_waits_for_nobody():
    sender = Sender(ScriptedSQS(), "http://q")
    sender.send(MESSAGE, timeout=5)  # starts the threads
    started = time.monotonic()
    for _ in range(20):
        sender.send(MESSAGE, timeout=5)
    assert time.monotonic() - started < 0.5


def test_what_arrives_while_a_batch_is_under_way_becomes_the_next():
    answered = threading.Event()

    def slow(entries):
        answered.wait(5)
        return _confirm(entries)

    sqs = ScriptedSQS(slow)
    sender = Sender(sqs, "http://q")
    with ThreadPoolExecutor(8) as callers:
        first = callers.submit(sender.send, message("first"), 5)
        while not sqs.batches:
            time.sleep(0.001)
        others = [callers.submit(sender.send, message(f"{number}"), 5) for number in range(7)]
        time.sleep(0.05)
        answered.set()
        assert first.result() == "id-first"
        assert [other.result() for other in others] == [f"id-{number}" for number in range(7)]
    assert sorted(len(batch) for batch in sqs.batches) == [1, 7]


def test_each_caller_gets_its_own_answer():
    bodies = [f"m{number}" for number in range(100)]
    sqs = ScriptedSQS()
    assert _send_all(Sender(sqs, "http://q"), bodies) == [f"id-{body}" for body in bodies]
    assert sorted(sqs.bodies) == sorted(bodies)
    assert all(len(batch) <= MAX_ENTRIES for batch in sqs.batches)


def test_a_batch_is_no_larger_than_sqs_takes():
    sqs = ScriptedSQS()
    bodies = [str(number) * (MAX_BATCH_BYTES // 3) for number in range(8)]
    _send_all(Sender(sqs, "http://q"), bodies)
    assert sorted(sqs.bodies) == bodies
    assert all(sum(len(entry["MessageBody"]) for entry in batch) <= MAX_BATCH_BYTES for batch in sqs.batches)


def test_an_entry_that_is_at_fault_itself_fails_at_once_and_alone():
    def refuse_bad(entries):
        answer = _confirm([entry for entry in entries if entry["MessageBody"] != "bad"])
        bad = [entry for entry in entries if entry["MessageBody"] == "bad"]
        return answer | {"Failed": [{"Id": entry["Id"], "Code": "X", "SenderFault": True} for entry in bad]}

    sqs = ScriptedSQS(*[refuse_bad] * 10)
    sender = Sender(sqs, "http://q")
    with ThreadPoolExecutor(5) as callers:
        sent = {body: callers.submit(sender.send, message(body), 5) for body in ("a", "b", "bad", "c", "d")}
    with pytest.raises(Unsendable):
        sent.pop("bad").result()
    assert {body: call.result() for body, call in sent.items()} == {body: f"id-{body}" for body in "abcd"}
    assert sqs.bodies.count("bad") == 1


@pytest.mark.parametrize(
    "failure",
    [
        EndpointConnectionError(endpoint_url="http://q"),
        ConnectionResetError(),
        _error("RequestThrottled", 400),
        _error("ExpiredToken", 403),
        _error("InternalError", 500),
        _refuse(sender_fault=False),
        lambda entries: {},
        lambda entries: {"Successful": None},
        lambda entries: "nonsense",
    ],
    ids=["unreachable", "reset", "throttled", "expired", "500", "refused", "empty", "null", "nonsense"],
)
def test_what_may_pass_is_tried_again_within_the_callers_time(failure):
    sqs = ScriptedSQS(failure, failure)
    assert Sender(sqs, "http://q").send(message("a"), timeout=5) == "id-a"
    assert len(sqs.batches) == 3


def test_a_refusal_that_will_not_pass_is_told_at_once():
    started = time.monotonic()
    with pytest.raises(NotConfirmed, match="AccessDenied"):
        Sender(ScriptedSQS(_error("AccessDenied", 403)), "http://q").send(MESSAGE, timeout=5)
    assert time.monotonic() - started < 1


def test_an_answer_that_never_comes_means_not_confirmed_in_time():
    end = threading.Event()
    sender = Sender(ScriptedSQS(*[lambda entries: end.wait(10)] * 10), "http://q")
    started = time.monotonic()
    with pytest.raises(NotConfirmed):
        sender.send(MESSAGE, timeout=0.2)
    assert time.monotonic() - started < 2
    end.set()


def test_what_nobody_waits_for_any_more_is_not_sent():
    sqs = ScriptedSQS(*[ConnectionResetError()] * 3)
    with pytest.raises(NotConfirmed):
        Sender(sqs, "http://q").send(MESSAGE, timeout=0.01)
    tried = len(sqs.batches)
    time.sleep(0.3)
    assert len(sqs.batches) - tried <= 1


def test_a_full_buffer_fails_fast():
    end = threading.Event()
    sender = Sender(ScriptedSQS(*[lambda entries: end.wait(10) and _confirm(entries)] * 1000), "http://q")

    def try_once(_):
        try:
            sender.send(MESSAGE, timeout=1)
        except NotConfirmed as error:
            return str(error)

    with ThreadPoolExecutor(LIMITS.capacity + 100) as callers:
        errors = list(callers.map(try_once, range(LIMITS.capacity + 100)))
    end.set()
    assert sum("waiting to be sent already" in (text or "") for text in errors) >= 1
