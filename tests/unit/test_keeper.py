"""The keeper renews what is old, whatever the worker waits for, and leaves alone what is not."""

import json
import random
import time

import pytest

from celery_sqs.aws.queue import read_facts
from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.consume.in_flight import MAX_RECEIVE, InFlight
from celery_sqs.consume.receiver import Receiver, Source
from celery_sqs.consume.retention.ages import Ages, age, is_kept
from celery_sqs.consume.retention.keeper import MAX_TAKEN, POLLS, Keeper
from celery_sqs.consume.settling.settlements import Settlements
from celery_sqs.errors import CallFailed
from celery_sqs.message.renewal import RENEWAL
from tests.polling import poll
from tests.unit.queue_in_memory import RETENTION, QueueInMemory

AGES = Ages(RETENTION)
OLD = RETENTION / 2 + 1
MIDDLE = RETENTION / 4 + 1
YOUNG = RETENTION / 4 - 10
ONE_LOOK = (1 + POLLS) * MAX_RECEIVE  # messages that a look takes, at the most, where none is old


class Worker:
    """What a worker's channel has: in an outage, so that nothing is received but by the keeper."""

    def __init__(self, queue):
        self.queue = queue
        self.in_flight = InFlight()
        self.in_flight.resize(4)
        self.in_flight.suspend(True)
        self.refused = []
        self.resumed = 0
        self.settlements = Settlements(lambda _: queue, self.in_flight, lambda _: None, self.refused.append)
        self.settlements.open("http://q")
        source = Source(queue="q", url="http://q")
        self.receiver = Receiver(lambda _: queue, source, self.in_flight, lambda _: None, lambda _: None)
        self.keeper = Keeper(self.receiver, self.in_flight, self.settlements, lambda call: call(), self._resume, 0)

    def _resume(self):
        self.resumed += 1

    def look(self):
        """One look, until all that it renews is renewed; returns the seconds until the next."""
        pause = self.keeper.look()
        self.settlements.close(5)
        return pause

    def hold(self, age, state=State.READY, **fields):
        """Have a message of an age in flight."""
        self.queue.put(age)
        [delivery] = self.receiver.receive(1, 0)
        for name, value in fields.items():
            setattr(delivery, name, value)
        self.in_flight.add(delivery)
        for step in {State.READY: (), State.RUNNING: (State.RESERVED, State.RUNNING)}.get(state, (state,)):
            assert delivery.advance(step)
        return delivery


@pytest.fixture
def queue():
    return QueueInMemory()


@pytest.fixture
def worker(queue):
    return Worker(queue)


def test_an_old_message_is_renewed_with_its_identity_and_its_first_sent_time(worker, queue):
    queue.put(OLD, body='{"a": 1}')
    sent_at = int(queue.messages[0]["Attributes"]["SentTimestamp"])

    worker.look()

    assert not queue.hidden
    assert queue.oldest() < 5
    [copy] = worker.receiver.receive(MAX_RECEIVE, 0)
    assert (copy.message_id, copy.sent_at, copy.message["Body"]) == ("m1", sent_at, '{"a": 1}')
    assert copy.receives == 1
    assert copy.receive_count >= 2  # another poll of the keeper may have met the first copy


def test_a_paused_queue_is_looked_into_though_no_poll_has_ever_been_answered(queue):
    queue.put(OLD)
    worker = Worker(queue)
    worker.in_flight.suspend(False)
    worker.look()
    assert queue.oldest() > OLD - 5, "a worker that has just started is about to poll"
    worker.receiver._may_poll = lambda: False
    worker.look()
    assert queue.oldest() < 5


def test_what_it_receives_has_spent_no_receive_and_is_no_suspect_whatever_its_age(worker, queue):
    queue.put(YOUNG)
    worker.look()
    [copy] = worker.receiver.receive(MAX_RECEIVE, 0)
    copy.attempts = 0  # as the store of attempts says
    assert not copy.budget(records=True).is_unexplained
    assert not copy.budget(records=True).is_suspect


@pytest.mark.parametrize("order", [None, random.Random(1).shuffle], ids=["oldest first", "any order"])
def test_once_one_is_old_the_backlog_is_renewed(order):
    queue = QueueInMemory(order=order)
    for number in range(700):
        queue.put(OLD if number < 200 else MIDDLE)

    Worker(queue).look()

    assert len(queue.messages) == 700
    assert not queue.hidden
    # In any order the last few of them may be left for the next look.
    left = [each for each in queue.messages if RENEWAL not in each["MessageAttributes"]]
    assert len(left) <= (35 if order else 0)


def test_behind_young_ones_old_ones_are_found_and_the_backlog_with_them(worker, queue):
    for age_of_ten in (YOUNG, OLD, *[MIDDLE] * 30):
        for _ in range(MAX_RECEIVE):
            queue.put(age_of_ten)
    worker.look()
    assert queue.oldest() < 5


def test_a_backlog_of_which_none_is_old_is_left_but_for_a_sample(worker, queue):
    for _ in range(300):
        queue.put(MIDDLE)
    worker.look()
    renewed = [each for each in queue.messages if RENEWAL in each["MessageAttributes"]]
    assert 0 < len(renewed) <= ONE_LOOK
    assert len(queue.messages) == 300


def test_a_worker_that_receives_sees_the_ages_itself(worker, queue):
    queue.put(OLD)
    worker.receiver.answered_at = time.monotonic()
    worker.look()
    assert queue.receives == 0


def test_a_worker_that_has_just_started_is_left_to_receive_itself(worker, queue):
    queue.put(OLD)
    worker.in_flight.suspend(False)
    worker.look()
    assert queue.receives == 0


def test_a_worker_that_receives_old_messages_is_helped(worker, queue):
    worker.hold(OLD, State.RUNNING)
    worker.receiver.answered_at = time.monotonic()
    for _ in range(100):
        queue.put(MIDDLE)
    worker.look()
    assert queue.oldest() < 5


@pytest.mark.parametrize("state", [State.READY, State.PARKED])
def test_what_the_worker_has_and_has_not_begun_is_renewed(worker, queue, state):
    worker.hold(OLD, state)
    worker.look()
    assert len(worker.in_flight) == 0
    assert not queue.hidden
    assert [RENEWAL in each["MessageAttributes"] for each in queue.messages] == [True]


@pytest.mark.parametrize("state", [State.RESERVED, State.RUNNING])
def test_what_celery_has_is_not_renewed(worker, queue, state):
    held = worker.hold(OLD, state)
    worker.look()
    assert held.state is state
    assert queue.messages == []


def test_what_the_worker_has_and_is_not_old_is_left_alone(worker):
    held = worker.hold(MIDDLE, State.PARKED)
    worker.look()
    assert held.state is State.PARKED


def test_an_attempt_that_an_outage_has_interrupted_stays_known(worker, queue):
    worker.hold(OLD, State.PARKED, begun=1, attempts=0)
    worker.look()
    [message] = queue.messages
    assert json.loads(message["MessageAttributes"][RENEWAL]["StringValue"])["begun"] == 1


def test_in_an_outage_celery_is_asked_to_park_what_it_has_not_begun(worker):
    worker.look()
    assert worker.resumed == 1
    worker.in_flight.suspend(False)
    worker.look()
    assert worker.resumed == 1


def test_a_message_that_was_done_is_deleted_and_not_renewed(worker, queue):
    done = worker.hold(OLD)
    done.leased_until = 0
    worker.settlements.delete(done)
    queue.messages.append(queue.hidden.pop(done.receipt_handle))
    worker.look()
    assert (queue.messages, queue.hidden) == ([], {})


def test_what_it_renews_takes_no_room_from_the_receivers(worker):
    delivery = worker.hold(YOUNG)
    worker.in_flight.suspend(False)
    assert worker.in_flight.room() == 3
    worker.in_flight.pop(delivery.receipt_handle)
    worker.in_flight.add(delivery, beside=True)
    assert worker.in_flight.room() == 4
    worker.in_flight.pop(delivery.receipt_handle)
    assert worker.in_flight.room() == 4


def test_copies_that_sqs_refuses_are_kept_and_no_more_are_taken_than_can_be_renewed(worker, queue):
    queue.refuses_copies = True
    for _ in range(500):
        queue.put(OLD)
    for _ in range(2):
        with pytest.raises(CallFailed, match="wait to be renewed"):
            worker.keeper.look()
        poll(lambda: all(each.state is State.READY for each in worker.in_flight.all()), 5, "all are refused")
    # The second look takes none.
    assert len(worker.refused) == len(worker.in_flight) == ONE_LOOK <= MAX_TAKEN
    assert len(worker.in_flight) + len(queue.messages) == 500


@pytest.mark.parametrize("attributes", [{"QueueArn": "arn:aws:sqs:x:1:q.fifo"}, {"RedrivePolicy": "{}"}], ids=repr)
def test_a_queue_whose_messages_are_not_renewed_is_not_looked_into(attributes):
    queue = QueueInMemory(**attributes)
    queue.put(OLD)
    assert not is_kept(read_facts(queue, "http://q"))
    assert Worker(queue).look() is None
    assert queue.receives == 0


def test_the_next_look_is_the_sooner_the_older_the_queue_is():
    assert [AGES.pause(age) for age in (0, RETENTION / 4, RETENTION * 0.39, OLD, RETENTION)] == [
        RETENTION / 8,
        RETENTION / 8,
        pytest.approx(RETENTION * 0.055),
        RETENTION / 20,
        RETENTION / 20,
    ]


def test_pauses_have_jitter(worker):
    pauses = [worker.keeper.look() for _ in range(20)]
    assert len(set(pauses)) > 10
    assert all(RETENTION / 16 <= pause <= RETENTION / 8 for pause in pauses)


def test_the_thread_goes_on_after_failures_until_it_is_stopped(worker, queue, caplog):
    queue.error = CallFailed("ReceiveMessage: no answer")
    queue.put(OLD)
    worker.keeper.start()
    poll(lambda: queue.receives >= 2, 10, "some failures")
    queue.error = None
    poll(lambda: queue.oldest() < 5 and not queue.hidden, 5, "the message is renewed")
    worker.keeper.stop()
    poll(lambda: not worker.keeper.is_polling, 5, "the thread has ended")
    lines = [record for record in caplog.records if "cannot look for old messages" in record.getMessage()]
    assert len(lines) == 1


def test_a_message_of_unknown_age_is_not_old():
    assert age(Delivery({"MessageId": "m", "ReceiptHandle": "h"}, "q", "http://q", 30, 0)) == 0


def test_what_runs_is_not_renewed_when_sqs_answers_with_it_again(worker, queue):
    running, receive = worker.hold(OLD, State.RUNNING), queue.receive_message
    again = [{"Messages": [running.message]}]
    queue.receive_message = lambda **parameters: again.pop() if again else receive(**parameters)
    worker.look()
    assert not again
    assert worker.in_flight.get(running.receipt_handle) is running
    assert (running.state, queue.messages) == (State.RUNNING, [])
