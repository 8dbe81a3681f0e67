"""The receiver polls while there is room, survives any response, and hands what comes after its stop to be settled."""

import itertools
import threading
import time

import pytest

from celery_sqs.consume import receiver as receiving
from celery_sqs.consume.in_flight import MAX_RECEIVE, InFlight
from celery_sqs.consume.polls import MOST_IN_FLIGHT
from celery_sqs.consume.receiver import Receiver, Source
from celery_sqs.errors import CallFailed
from tests.polling import poll

NUMBERS = itertools.count()


def fifo(sqs, in_flight):
    return Receiver(lambda _: sqs, Source(queue="q", url="http://q.fifo"), in_flight, lambda _: None, lambda _: None)


def message():
    number = next(NUMBERS)
    return {"MessageId": f"m{number}", "ReceiptHandle": f"handle-{number}", "Body": "{}"}


class ScriptedSQS:
    """Answers each poll with the next entry of a script, then waits: for the end of the test."""

    def __init__(self, *script):
        self._script = list(script)
        self._lock = threading.Lock()
        self.asked_for, self.hidden_for, self.long = [], [], []
        self.resume = threading.Event()

    def get_queue_attributes(self, **parameters):
        return {"Attributes": {"VisibilityTimeout": "30"}}

    def receive_message(self, **parameters):
        with self._lock:
            self.asked_for.append(parameters["MaxNumberOfMessages"])
            self.hidden_for.append(parameters.get("VisibilityTimeout"))
            self.long.append("WaitTimeSeconds" not in parameters)
            answer = self._script.pop(0) if self._script else self._wait
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer

    def _wait(self):
        self.resume.wait(5)
        return {}


@pytest.fixture
def in_flight():
    room = InFlight()
    room.resize(4)
    return room


@pytest.fixture
def receive(in_flight):
    """Start a receiver on a scripted SQS; returns what it delivers, the receiver, and what came after its stop."""
    started = []

    def start(sqs, longest_pause=0.05):
        delivered, parted_with = [], []
        source = Source(queue="q", url="http://q", longest_pause=longest_pause)
        receiver = Receiver(lambda wait: sqs, source, in_flight, delivered.extend, parted_with.append)
        receiver.start()
        started.append((receiver, sqs))
        return delivered, receiver, parted_with

    yield start
    for receiver, sqs in started:
        receiver.stop()
        sqs.resume.set()


@pytest.mark.parametrize(
    "nonsense",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        KeyError("Messages"),
        MemoryError(),
        [],
        None,
        {"Messages": None},
        {"Messages": 7},
        {"Messages": [None]},
        {"Messages": [{"Body": "no receipt handle"}]},
    ],
    ids=repr,
)
def test_no_answer_ends_the_polling(receive, nonsense):
    delivered, _, _ = receive(ScriptedSQS(nonsense, {"Messages": [good := message()]}))
    poll(lambda: delivered, 5, "the message after the nonsense")
    assert delivered[0].message == good


def test_an_outage_of_days_does_not_end_the_polling(receive):
    sqs = ScriptedSQS(*[OSError("down")] * 3000, {"Messages": [message()]})
    delivered, _, _ = receive(sqs, longest_pause=0)
    poll(lambda: delivered, 10, "the message after the outage")


def test_failures_of_one_kind_are_a_line_when_they_begin_and_one_when_they_end(receive, caplog):
    sqs = ScriptedSQS(OSError("a"), OSError("b"), OSError("c"), {"Messages": [message()]})
    caplog.set_level("WARNING", receiving.__name__)

    delivered, _, _ = receive(sqs)
    poll(lambda: delivered, 5, "the message")

    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert "trying on" in messages[0]
    assert "receiving again" in messages[1]


def test_a_failure_of_another_kind_is_a_line_of_its_own(receive, caplog):
    denied, gone = CallFailed("denied", "AccessDenied", 403), CallFailed("no queue", "QueueDoesNotExist", 400)
    sqs = ScriptedSQS(OSError("away"), denied, OSError("away"), denied, gone, {"Messages": [message()]})
    caplog.set_level("WARNING", receiving.__name__)

    delivered, _, _ = receive(sqs)
    poll(lambda: delivered, 5, "the message")

    causes = [record.getMessage() for record in caplog.records if "cannot receive" in record.getMessage()]
    assert [line.partition("line): ")[2] for line in causes] == [repr(OSError("away")), repr(denied), repr(gone)]


def test_polls_that_fail_have_ended_and_not_succeeded(receive):
    denied = CallFailed("denied", "AccessDenied", 403)
    sqs = ScriptedSQS(*[denied] * 20)
    _, receiver, _ = receive(sqs)
    began_at = time.monotonic()
    poll(lambda: len(sqs.asked_for) == 21, 10, "twenty failing polls")
    assert receiver.last_error is denied
    passed = time.monotonic() - began_at
    assert receiver.seconds_since_success >= passed > receiver.seconds_since_end

    sqs.resume.set()

    poll(lambda: receiver.last_error is None, 5, "an answer")
    assert receiver.seconds_since_success < passed


def test_the_time_without_room_is_no_time_without_a_poll(receive, in_flight):
    in_flight.suspend(True)
    sqs = ScriptedSQS()
    _, receiver, _ = receive(sqs)
    time.sleep(1.5 * receiving.IDLE_LOOK)
    in_flight.suspend(False)
    poll(lambda: sqs.asked_for, 5, "the first poll afterwards, which waits for a message")
    assert receiver.seconds_since_end < 1.2 * receiving.IDLE_LOOK
    assert receiver.seconds_since_success < 1.2 * receiving.IDLE_LOOK


def test_it_asks_for_what_there_is_room_for(receive, in_flight):
    sqs = ScriptedSQS({"Messages": [message(), message(), message()]})
    receive(sqs)
    poll(lambda: len(sqs.asked_for) == 2, 5, "a second poll")
    assert sqs.asked_for == [4, 1]


def test_what_it_receives_is_hidden_for_as_long_as_its_lease_says_whatever_the_queue_has_by_now(receive):
    delivered, _, _ = receive(sqs := ScriptedSQS({"Messages": [message()]}))
    poll(lambda: delivered, 5, "the message")
    assert sqs.hidden_for[0] == delivered[0].visibility_timeout == 30


def test_a_full_worker_does_not_ask(receive, in_flight):
    sqs = ScriptedSQS({"Messages": [message() for _ in range(4)]})
    delivered, receiver, _ = receive(sqs)
    poll(lambda: len(delivered) == 4, 5, "four messages")
    assert in_flight.room() == 0
    assert sqs.asked_for == [4]
    assert receiver.seconds_since_end == receiver.seconds_since_success == 0, "waiting for room is not silence"

    for delivery in delivered:
        in_flight.pop(delivery.receipt_handle)

    poll(lambda: sqs.asked_for == [4, 4], 5, "a poll for the room that was made")


def test_it_never_asks_for_more_than_sqs_gives(receive, in_flight):
    in_flight.resize(1000)
    sqs = ScriptedSQS()
    receive(sqs)
    poll(lambda: sqs.asked_for, 5, "a poll")
    assert sqs.asked_for == [MAX_RECEIVE]


def test_an_idle_queue_has_one_poll_in_flight(receive, in_flight):
    in_flight.resize(1000)
    sqs = ScriptedSQS({}, {})
    receive(sqs)
    poll(lambda: len(sqs.asked_for) == 3, 5, "the poll after two empty answers")
    assert not threading.Event().wait(0.3)
    assert len(sqs.asked_for) == 3


def test_a_backlog_has_several_polls_in_flight(receive, in_flight):
    in_flight.resize(1000)
    full = [{"Messages": [message() for _ in range(MAX_RECEIVE)]} for _ in range(MOST_IN_FLIGHT**2)]
    sqs = ScriptedSQS(*full)
    receive(sqs)
    poll(lambda: len(sqs.asked_for) == len(full) + MOST_IN_FLIGHT, 5, "all polls in flight")
    assert sqs.long[-MOST_IN_FLIGHT:].count(True) == 1, "the others look, and come back at once"


def test_what_arrives_after_the_stop_is_parted_with(receive):
    late = message()
    stopping = threading.Event()

    def answer_late():
        stopping.wait(5)
        return {"Messages": [late]}

    sqs = ScriptedSQS(answer_late)
    delivered, receiver, parted_with = receive(sqs)
    poll(lambda: sqs.asked_for, 5, "the poll in flight")

    receiver.stop()
    stopping.set()

    [delivery] = poll(lambda: parted_with, 5, "the message is parted with")
    assert delivery.receipt_handle == late["ReceiptHandle"]
    assert delivered == []


def test_nothing_is_received_while_there_is_an_outage(receive, in_flight):
    in_flight.suspend(True)
    sqs = ScriptedSQS({"Messages": [message()]})
    delivered, receiver, _ = receive(sqs)
    assert not threading.Event().wait(0.3)
    assert sqs.asked_for == []
    assert receiver.seconds_since_end == receiver.seconds_since_success == 0, "waiting for its end is not silence"

    in_flight.suspend(False)

    poll(lambda: delivered, receiving.IDLE_LOOK / 2, "a message as soon as it is over")


def test_an_outage_does_not_cut_off_the_poll_in_flight(receive, in_flight):
    late, ended = message(), threading.Event()

    def answer_late():
        ended.wait(5)
        return {"Messages": [late]}

    sqs = ScriptedSQS(answer_late)
    delivered, _, parted_with = receive(sqs)
    poll(lambda: sqs.asked_for, 5, "the poll in flight")
    in_flight.suspend(True)
    ended.set()
    poll(lambda: delivered, 5, "what it brings is kept")
    assert len(in_flight) == 1
    assert parted_with == []
    assert not threading.Event().wait(0.3)
    assert len(sqs.asked_for) == 1


def test_a_stopped_receiver_is_polling_until_its_last_poll_has_ended(receive):
    sqs = ScriptedSQS()
    _, receiver, _ = receive(sqs)
    poll(lambda: sqs.asked_for, 5, "the poll in flight")
    assert receiver.is_polling
    receiver.stop()
    assert not threading.Event().wait(0.3)
    assert receiver.is_polling, "its answer is still to come"
    sqs.resume.set()
    poll(lambda: not receiver.is_polling, 2, "the end")
    assert len(sqs.asked_for) == 1


def test_a_consumer_without_a_limit_holds_one_answer():
    unlimited = InFlight()
    unlimited.resize(0)
    assert unlimited.room() == MAX_RECEIVE


def test_of_a_fifo_queue_each_poll_asks_for_one_as_several_of_a_group_would_run_together(in_flight):
    sqs = ScriptedSQS(*[lambda: {"Messages": [message()]}] * 4)
    one = fifo(sqs, in_flight)
    one.start()
    poll(lambda: len(in_flight) == 4, 5, "there is no more room")
    one.stop()
    sqs.resume.set()
    assert set(sqs.asked_for) == {1}


def test_a_message_that_sqs_answers_twice_with_one_receipt_handle_is_delivered_once(receive, in_flight):
    first, second = message(), message()
    delivered, _, _ = receive(ScriptedSQS({"Messages": [first, first]}, {"Messages": [first, second]}))
    poll(lambda: len(delivered) == 2, 5, "both messages")
    assert [one.message for one in delivered] == [first, second]
    assert all(in_flight.get(one.receipt_handle) is one for one in delivered), "each outcome names one delivery"
