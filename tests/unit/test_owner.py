"""What a worker answers its channel: what is on record of messages that come back, and of attempts that begin."""

import threading
from datetime import UTC, datetime

import pytest
from celery import Celery

from celery_sqs import OnRecord, SQSTask
from celery_sqs.consume.budget import Step
from celery_sqs.message.renewal import Renewal
from celery_sqs.tasks.decision import Kind
from celery_sqs.worker.consumer import Consumer
from celery_sqs.worker.owner import WorkerOwner
from celery_sqs.worker.recorder import record_soon
from tests.polling import poll
from tests.unit.deliveries import delivery

RECEIVES = 3


class Store:
    """A store of attempts in memory; `error` is raised instead of answering."""

    def __init__(self):
        self.on_record = {}
        self.recorded, self.withdrawn, self.asked = [], [], []
        self.error = None

    def record(self, attempt):
        self._fail()
        self.recorded.append(attempt)

    def withdraw(self, message_id, receive_count):
        self._fail()
        self.withdrawn.append((message_id, receive_count))

    def returned(self, max_attempts):
        self._fail()
        self.asked.append((dict(max_attempts), threading.current_thread().name))
        return {message_id: self.on_record[message_id] for message_id in max_attempts if message_id in self.on_record}

    def _fail(self):
        if self.error:
            raise self.error


class Recorded(SQSTask):
    abstract = True
    store = Store()

    @staticmethod
    def is_outage(error):
        return isinstance(error, ConnectionError)

    @property
    def attempt_store(self):
        return self.store


class Channel:
    """Notes what is asked of it, in its order."""

    def __init__(self):
        self.notes = []

    def proceed(self, one, step, records):
        self.notes.append((one, step, records))

    def park(self, handle, task):
        self.notes.append((handle, "parked", task.name))

    def begin(self, one):
        self.notes.append((one, "begun", one.begun))

    def release(self, handle, delay):
        self.notes.append((handle, "released", delay))


class Events:
    """Notes the events of a worker."""

    def __init__(self):
        self.sent = []

    def send(self, event, **fields):
        self.sent.append((event, fields))


class IdleConsumer(Consumer):
    """One without Celery's own beginning, which would connect."""

    def __init__(self, app):
        self.app, self.hostname, self.default_task = app, "w@h", None
        self.collectors = {}
        self.event_dispatcher = Events()


class Stand:
    def __init__(self):
        app = Celery("owner", set_as_current=False)
        self.task = app.task(base=Recorded, name="recorded", shared=False)(_nothing)
        app.task(base=SQSTask, name="unrecorded", shared=False)(_nothing)
        self.store = self.task.store = Store()
        self.channel, self.consumer = Channel(), IdleConsumer(app)
        self.owner = WorkerOwner(self.channel, self.consumer)

    def look_up(self, *deliveries):
        """Have messages examined; returns what the channel is to do with each."""
        self.owner.examine(list(deliveries))
        return poll(lambda: len(self.channel.notes) == len(deliveries) and self.channel.notes, 2, "all are examined")

    def begin(self, one):
        self.owner.begin(one)
        return poll(lambda: self.channel.notes, 2, "it has begun")


def _nothing(order):
    """Nobody runs it."""


def call_of(task):
    return {"celery_task": {"DataType": "String", "StringValue": task}}


def message(number, task="recorded", receives=2, **more):
    return delivery(number, receives=receives, attributes=call_of(task), max_receive_count=RECEIVES, **more)


def on_record(attempts, lost=None):
    """Attempts at the first receives, long ago."""
    return OnRecord(receives=frozenset(range(1, attempts + 1)), last_at=datetime(2020, 1, 1, tzinfo=UTC), lost=lost)


@pytest.fixture
def stand():
    return Stand()


def test_a_message_whose_receives_are_explained_runs(stand):
    one = message(1)
    stand.store.on_record["m1"] = on_record(1)
    assert stand.look_up(one) == [(one, Step.RUN, True)]
    assert one.attempts == 1


def test_a_message_whose_receive_nobody_explains_is_renewed(stand):
    one = message(1)
    assert stand.look_up(one) == [(one, Step.RENEW, True)]
    assert one.attempts == 0


def test_a_message_on_its_last_receive_with_attempts_left_is_renewed(stand):
    one = message(1, receives=RECEIVES)
    stand.store.on_record["m1"] = on_record(2)
    assert stand.look_up(one) == [(one, Step.RENEW, True)]


def test_a_message_whose_attempts_are_spent_is_given_up(stand):
    one = message(1)
    stand.store.on_record["m1"] = on_record(RECEIVES)
    assert stand.look_up(one) == [(one, Step.GIVE_UP, True)]


def test_the_copy_of_what_nobody_explained_runs_alone(stand):
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=2, is_suspect=True))
    assert stand.look_up(one) == [(one, Step.RUN_ALONE, True)]


def test_a_dead_message_that_sqs_has_redriven_gets_a_budget_of_its_own(stand):
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=3, attempts=2))
    stand.store.on_record["first"] = on_record(RECEIVES)
    assert stand.look_up(one) == [(one, Step.RENEW_UNSPENT, True)]


def test_messages_are_looked_up_together_by_their_first_ids_on_the_recorders_thread(stand):
    ones = [message(1), message(2, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=2))]
    stand.look_up(*ones)
    [(asked, thread)] = stand.store.asked
    assert asked == {"m1": RECEIVES, "first": RECEIVES}
    assert thread.startswith("sqs-recorder")


def test_a_task_without_a_store_has_its_receives_as_its_budget(stand):
    one, last = message(1, "unrecorded"), message(2, "unrecorded", receives=RECEIVES)
    assert stand.look_up(one, last) == [(one, Step.RUN, False), (last, Step.RUN, False)]
    assert (one.attempts, last.attempts) == (1, 2)
    assert stand.store.asked == []


@pytest.mark.parametrize(("task", "listed"), [("unknown", None), ("", None), ("recorded", ["another"])])
def test_what_no_task_can_take_has_its_receives_as_its_budget(stand, task, listed):
    one = message(1, task, tasks=listed)
    assert stand.look_up(one) == [(one, Step.RUN, False)]
    assert (stand.store.asked, stand.owner.records(one)) == ([], False)


def test_without_a_redrive_policy_there_is_nothing_to_look_up(stand):
    one = message(1)
    one.max_receive_count = None
    assert stand.look_up(one) == [(one, Step.RUN, False)]


def test_in_an_outage_of_the_store_a_message_waits(stand):
    stand.store.error = ConnectionError()
    one = message(1)
    assert stand.look_up(one) == [(one.receipt_handle, "parked", "recorded")]
    assert one.attempts is None, "it is looked up when the outage is over"


def test_in_an_outage_a_message_on_its_last_receive_is_renewed_as_a_crash_would_kill_it(stand):
    stand.store.error = ConnectionError()
    one = message(1, receives=RECEIVES)
    assert stand.look_up(one) == [(one, Step.RENEW, True)]
    assert one.attempts is None


def test_what_cannot_be_read_at_all_is_said_and_receives_are_the_budget(stand, caplog):
    stand.store.error = KeyError("no such column")
    one = message(1)
    assert stand.look_up(one) == [(one, Step.RUN, False)]
    assert one.attempts == 1
    assert "cannot be read" in caplog.text


def test_an_attempt_whose_worker_died_is_logged_and_reported(stand, caplog):
    one = message(1)
    stand.store.on_record["m1"] = on_record(1, lost=1)
    stand.look_up(one)
    [(event, fields)] = stand.consumer.event_dispatcher.sent
    assert (event, fields["kind"], fields["name"], fields["message_id"]) == ("task-retried", "lost", "recorded", "m1")
    assert "attempt lost: receive 1 of recorded, message m1" in caplog.text


def test_the_last_attempt_whose_worker_died_is_reported_as_the_failure_of_its_task(stand):
    one = message(1)
    stand.store.on_record["m1"] = on_record(RECEIVES, lost=5)
    stand.look_up(one)
    [(event, fields)] = stand.consumer.event_dispatcher.sent
    assert (event, fields["kind"]) == ("task-failed", "lost")


def test_an_attempt_that_an_outage_interrupted_is_withdrawn_before_anything_is_counted(stand):
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=4, begun=4))
    stand.look_up(one)
    assert stand.store.withdrawn == [("first", 4)]


class TestBegin:
    def test_an_attempt_is_on_record_before_it_begins(self, stand):
        one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=4))
        assert stand.begin(one) == [(one, "begun", 5)]
        [attempt] = stand.store.recorded
        assert (attempt.kind, attempt.message_id, attempt.receive_count) == (Kind.BEGUN, "first", 5)
        assert (attempt.task, attempt.args, attempt.worker, attempt.final) == ("recorded", ({},), "w@h", False)

    def test_in_an_outage_of_the_store_it_does_not_begin(self, stand):
        stand.store.error = ConnectionError()
        one = message(1)
        assert stand.begin(one) == [(one.receipt_handle, "parked", "recorded")]
        assert one.begun is None

    def test_what_can_never_be_recorded_begins_all_the_same(self, stand, caplog):
        stand.store.error = KeyError("no such column")
        one = message(1)
        assert stand.begin(one) == [(one, "begun", None)]
        assert "begins without a record" in caplog.text

    def test_without_a_store_it_begins_at_once(self, stand):
        one = message(1, "unrecorded")
        stand.owner.begin(one)
        assert stand.channel.notes == [(one, "begun", None)]

    def test_its_record_is_withdrawn_when_it_has_succeeded(self, stand):
        one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=4))
        stand.begin(one)
        stand.owner.succeeded(one)
        assert poll(lambda: stand.store.withdrawn, 2, "it is withdrawn") == [("first", 5)]

    def test_what_was_never_on_record_is_not_withdrawn(self, stand):
        stand.owner.succeeded(message(1))
        done = threading.Event()
        record_soon(done.set)
        assert done.wait(2)
        assert stand.store.withdrawn == []


@pytest.mark.parametrize(("task", "records"), [("recorded", True), ("unrecorded", False), ("unknown", False)])
def test_it_says_whose_attempts_are_on_record(stand, task, records):
    assert stand.owner.records(message(1, task)) is records


def test_waiting_batches_go_on_when_the_last_suspect_has_ended(stand):
    planned = []
    stand.consumer.collectors["recorded"] = type("Plan", (), {"plan": lambda self: planned.append(1)})()
    stand.owner.resume()
    assert planned == [1]
