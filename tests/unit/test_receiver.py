"""The receiver polls while there is room, survives everything, and hands back what comes too late."""

import threading

import pytest

from tasks.sqs import receiver as receiving
from tasks.sqs.receiver import MAX_MESSAGES, Receiver, Room
from tests.polling import poll

MESSAGE = {"MessageId": "m", "ReceiptHandle": "handle", "Body": "{}"}


class ScriptedSQS:
    """Answers each poll with the next entry of a script, then waits: for the end of the test."""

    def __init__(self, *script):
        self._script = list(script)
        self.asked_for = []
        self.released = []
        self.resume = threading.Event()

    def receive_message(self, **parameters):
        self.asked_for.append(parameters["MaxNumberOfMessages"])
        if not self._script:
            self.resume.wait(5)
            return {}
        answer = self._script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer

    def change_message_visibility(self, **parameters):
        self.released.append((parameters["ReceiptHandle"], parameters["VisibilityTimeout"]))


@pytest.fixture
def room():
    place = Room()
    place.resize(4)
    return place


@pytest.fixture
def receive(room):
    """Start a receiver on a scripted SQS; returns what it delivers."""
    started = []

    def start(sqs, longest_pause=0.05):
        delivered = []
        receiver = Receiver(sqs, "http://q", 20, room, delivered.extend, longest_pause)
        receiver.start()
        started.append((receiver, sqs))
        return delivered, receiver

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
    sqs = ScriptedSQS(nonsense, {"Messages": [MESSAGE]})

    delivered, _ = receive(sqs)

    assert poll(lambda: delivered, 5, "the message after the nonsense") == [MESSAGE]


def test_an_outage_of_days_does_not_end_the_polling(receive):
    sqs = ScriptedSQS(*[OSError("down")] * 3000, {"Messages": [MESSAGE]})

    delivered, _ = receive(sqs, longest_pause=0)

    assert poll(lambda: delivered, 10, "the message after the outage") == [MESSAGE]


def test_failures_are_logged_once_when_they_begin_and_once_when_they_end(receive, caplog):
    sqs = ScriptedSQS(OSError("a"), OSError("b"), OSError("c"), {"Messages": [MESSAGE]})
    caplog.set_level("WARNING", receiving.__name__)

    delivered, _ = receive(sqs)
    poll(lambda: delivered, 5, "the message")

    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "trying on" in said[0]
    assert "receiving again" in said[1]


def test_it_asks_for_what_there_is_room_for(receive, room):
    sqs = ScriptedSQS({"Messages": [MESSAGE] * 3}, {"Messages": [MESSAGE]})

    delivered, _ = receive(sqs)
    poll(lambda: len(delivered) == 4, 5, "four messages")

    assert sqs.asked_for == [4, 1]
    room.give_back()
    room.give_back()
    poll(lambda: len(sqs.asked_for) == 3, 5, "a third poll")
    assert sqs.asked_for[2] == 2


def test_it_never_asks_for_more_than_sqs_gives(receive, room):
    room.resize(1000)
    sqs = ScriptedSQS()

    receive(sqs)

    poll(lambda: sqs.asked_for, 5, "a poll")
    assert sqs.asked_for == [MAX_MESSAGES]


def test_what_arrives_after_the_stop_is_made_visible_to_others(receive):
    stopping = threading.Event()

    def answer_late():
        stopping.wait(5)
        return {"Messages": [MESSAGE]}

    sqs = ScriptedSQS(answer_late)
    delivered, receiver = receive(sqs)
    poll(lambda: sqs.asked_for, 5, "the poll in flight")

    receiver.stop()
    stopping.set()

    assert poll(lambda: sqs.released, 5, "the message is released") == [("handle", 0)]
    assert delivered == []


def test_a_room_without_a_limit_holds_one_poll():
    unlimited = Room()
    unlimited.resize(0)
    assert unlimited.wait(timeout=0) == MAX_MESSAGES


def test_a_full_room_has_no_room(room):
    room.take(4)
    assert room.wait(timeout=0) == 0
