"""Each thread of the framework goes on after an error that its loop did not foresee."""

import threading
from datetime import timedelta

import pytest

from celery_sqs.aws.group_commit import GroupCommit, Limits
from celery_sqs.consume.circuit_breaker import CircuitBreaker
from celery_sqs.consume.heartbeat import Heartbeat
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.leases import Leases
from celery_sqs.consume.receiver import Receiver, Source
from celery_sqs.monitor.control.listener import CommandListener
from celery_sqs.monitor.control.pause_reader import PauseReader
from celery_sqs.monitor.event_writer import EventWriter, NullStore
from celery_sqs.threads import Guarded
from celery_sqs.worker.health import Health
from celery_sqs.worker.recorder import record_soon
from tests.polling import poll
from tests.unit.deliveries import SettlingSQS, delivery

SOON = 5  # seconds

ERRORS = [ValueError("as ordered"), MemoryError(), SystemExit(3)]


class Once:
    """Raises when it is called for the first time, and counts the other calls."""

    def __init__(self, result=None, error=ERRORS[0]):
        self._result = result
        self._error = error
        self.calls = 0
        self.has_raised = False

    def __call__(self, *args):
        if not self.has_raised:
            self.has_raised = True
            raise self._error
        self.calls += 1
        return self._result


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_loop_begins_again_and_its_error_is_logged(error, caplog):
    loop = Once(error=error)
    thread = Guarded(loop, name="sqs-test", pause=0.01)
    thread.start()
    poll(lambda: loop.calls, SOON, "it begins again")
    thread.join(SOON)
    assert not thread.is_alive(), "it has returned"
    [record] = [record for record in caplog.records if "sqs-test" in record.getMessage()]
    assert repr(error) in record.getMessage()
    assert record.exc_info


def test_a_loop_that_never_succeeds_fills_no_log(caplog):
    tries = []

    def loop():
        tries.append(1)
        if len(tries) < 100:
            raise ValueError(f"try {len(tries)}")

    thread = Guarded(loop, name="sqs-test", pause=0)
    thread.start()
    thread.join(SOON)
    assert len(tries) == 100
    assert len(caplog.records) == 1


def test_receivers():
    class Unsure(InFlight):
        """Nobody knows at first whether there is room."""

        def __init__(self):
            super().__init__()
            self._room = Once(result=4)

        def room(self):
            return self._room()

    class Counting:
        def __init__(self):
            self.polls = 0

        def get_queue_attributes(self, **parameters):
            return {"Attributes": {"VisibilityTimeout": "30"}}

        def receive_message(self, **parameters):
            self.polls += 1
            return {}

    sqs = Counting()
    receiver = Receiver(lambda wait: sqs, Source(queue="q", url="http://q"), Unsure(), None, None)
    before = _running("sqs-receiver")
    receiver.start()
    poll(lambda: sqs.polls, SOON, "a poll")
    assert len(_running("sqs-receiver")) - len(before) == 8
    receiver.stop()


def test_leases():
    in_flight, sqs = InFlight(), SettlingSQS()
    in_flight.add(delivery(1, leased_for=10))
    in_flight.all = Once(result=in_flight.all())
    leases = Leases(sqs, in_flight, Heartbeat())
    leases.start()
    poll(lambda: sqs.changed, SOON, "an extension")
    leases.stop()


def test_the_prober():
    in_flight, on_close = InFlight(), Once()
    in_flight.resize(1)
    breaker = CircuitBreaker(in_flight, on_close)
    breaker.trip("a", lambda: True)
    poll(lambda: on_close.calls, SOON, "whoever waits for the end is told")
    assert in_flight.room() == 1
    breaker.stop()


@pytest.mark.parametrize("name", ["sqs-delete", "sqs-release", "sqs-sender"])
def test_group_commit(name):
    send = Once()
    commits = GroupCommit(name, send, len, Limits(linger=0, concurrency=1, capacity=10))
    commits.add("a")
    poll(lambda: send.has_raised, SOON, "the first batch")
    commits.add("b")
    poll(lambda: send.calls, SOON, "the next batch")
    commits.close(SOON)


def test_the_recorder():
    record = Once()
    record_soon(record)
    record_soon(record)
    poll(lambda: record.calls, SOON, "the second record")


def test_the_event_writer():
    class Unwell:
        """A worker whose row cannot be made at first."""

        row = Once(result={"name": "w"})

    class Noting(NullStore):
        def __init__(self):
            self.workers = []

        def write(self, rows, counts, worker=None):
            self.workers.append(worker)

    store = Noting()
    writer = EventWriter(store, timedelta(days=1))
    writer.worker = Unwell()
    poll(lambda: {"name": "w"} in store.workers, SOON, "the worker's row")
    writer.close(SOON)


def test_the_command_listener():
    class Exiting:
        pending = Once(result=[], error=SystemExit())

    store = Exiting()
    listener = CommandListener(store, "w", handle=None, call_soon=None, poll_interval=0.01)
    listener.start()
    poll(lambda: store.pending.calls > 1, SOON, "further queries")
    listener.stop()


def test_what_is_paused_is_read_with_the_commands_and_the_worker_gets_what_has_changed():
    answers = [{"a": 1}, {"a": 1}, OSError("away"), {"a": 1, "b": 2}, {}]

    class Answering:
        def current(self):
            answer = answers.pop(0) if answers else {}
            if isinstance(answer, OSError):
                raise answer
            return answer

    class Silent:
        def pending(self, since):
            return []

    paused = []
    reader = PauseReader(Answering(), paused.append)
    listener = CommandListener(Silent(), "w", None, None, pause_reader=reader, poll_interval=0.01)
    listener.start()
    assert paused[0] == {"a"}, "it is known when the worker starts"
    poll(lambda: len(paused) == 3, SOON, "all changes")
    listener.stop()
    assert paused == [{"a"}, {"a", "b"}, set()]


def test_the_watchdog():
    class Unknown(dict):
        values = Once(result=[])

    receivers = Unknown()
    health = Health(InFlight(), receivers, Heartbeat(), 0, look_every=0.01)
    health.start()
    poll(lambda: receivers.values.calls > 1, SOON, "further looks")
    health.stop()


def test_the_health_server():
    class Failing:
        serve_forever = Once()

    server = Failing()
    Guarded(Health(InFlight(), {}, Heartbeat(), 0)._serve, server, name="sqs-health", pause=0.01).start()
    poll(lambda: server.serve_forever.calls, SOON, "it serves again")


def _running(prefix):
    return [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]
