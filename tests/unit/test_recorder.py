"""What is recorded from the worker's main process is recorded by a thread of its own, and all of it."""

import threading

import pytest

from celery_sqs.tasks.decision import Kind, RetryDecision
from celery_sqs.worker.recorder import record, record_soon
from tests.polling import poll
from tests.processes import BIN, Process


class Recording:
    """A task whose attempts are functions: to record one is to call it."""

    def note(self, attempt):
        return attempt() is not False

    def is_outage(self, error):
        return isinstance(error, ConnectionError)


class Message:
    """Notes what becomes of it."""

    def __init__(self):
        self.fate, self.is_recorded = [], None

    def record(self, attempt):
        record_soon(record, Recording(), attempt, RetryDecision(Kind.OWN), self.settle)

    def settle(self, decision):
        self.fate.append(decision.kind)
        self.is_recorded = decision.is_recorded


def _raise(error):
    raise error


def test_recording_is_not_waited_for_by_the_worker_but_by_the_message():
    goes_on, message = threading.Event(), Message()
    message.record(lambda: goes_on.wait(5))
    assert message.fate == []
    goes_on.set()
    poll(lambda: message.fate, 2, "it is recorded")
    assert message.fate == [Kind.OWN]


def test_a_message_whose_attempt_cannot_be_recorded_in_an_outage_is_parked():
    message = Message()
    message.record(lambda: _raise(ConnectionError()))
    poll(lambda: message.fate, 2, "it is known what becomes of it")
    assert message.fate == [Kind.OUTAGE]


@pytest.mark.parametrize(
    ("attempt", "is_recorded"),
    [(lambda: None, True), (lambda: False, False), (lambda: _raise(KeyError("no such column")), False)],
    ids=["recorded", "refused", "broken"],
)
def test_a_message_hears_whether_its_attempt_is_on_record(attempt, is_recorded):
    message = Message()
    message.record(attempt)
    poll(lambda: message.fate, 2, "it is known what becomes of it")
    assert (message.fate, message.is_recorded) == ([Kind.OWN], is_recorded)


def test_a_record_that_fails_is_not_the_last():
    first, second = Message(), Message()
    first.record(lambda: _raise(ConnectionError()))
    second.record(lambda: None)
    poll(lambda: second.fate, 2, "the next is recorded")
    assert second.fate == [Kind.OWN]


def test_records_are_made_in_the_order_they_were_asked_for_on_one_thread():
    made, message = [], Message()
    for number in range(100):
        message.record(lambda number=number: made.append((number, threading.get_ident())))
    poll(lambda: len(made) == 100, 2, "all are made")
    assert [number for number, _ in made] == list(range(100))
    [thread] = {thread for _, thread in made}
    assert thread != threading.get_ident()


def _printed_by(program, tmp_path):
    """What a process that records prints until it has ended by itself."""
    process = Process([BIN / "python", "-c", program], tmp_path / "log", {})
    assert process.wait(10) == 0, process.output
    return process.output.split()


def test_what_is_waiting_when_the_process_ends_is_still_recorded(tmp_path):
    program = """
import os, time
from tests.unit.test_recorder import Message
Message().record(lambda: time.sleep(0.2))
Message().record(lambda: os.write(1, b"a "))
Message().record(lambda: os.write(1, b"b "))
"""
    assert _printed_by(program, tmp_path) == ["a", "b"]


def test_a_forked_process_has_a_recorder_of_its_own(tmp_path):
    program = """
import os, threading
from tests.unit.test_recorder import Message
made = threading.Event()
Message().record(made.set)
made.wait(5)
child = os.fork()
made.clear()
Message().record(made.set)
os.write(1, b"made " if made.wait(5) else b"lost ")
if child:
    os.waitpid(child, 0)
else:
    os._exit(0)
"""
    assert _printed_by(program, tmp_path) == ["made", "made"]
