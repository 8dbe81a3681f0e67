"""What a worker does with a message for a batch task before its call joins a batch."""

import itertools
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from celery import Celery, bootsteps
from celery.worker import state
from kombu.asynchronous.timer import Timer

from celery_sqs.consume.delivery import State
from celery_sqs.tasks.batch import BatchTask
from celery_sqs.worker.recorder import record_soon
from tests.unit.channels import Stand


class QoS:
    """Counts by how much the prefetch limit is to change."""

    change = 0

    def increment_eventually(self):
        self.change += 1

    def decrement_eventually(self):
        self.change -= 1


class Pool:
    """Notes the calls of its batches."""

    num_processes = 1

    def __init__(self):
        self.calls = []

    def apply_async(self, run, args, **_):
        self.calls.extend(args[1])


class Worker:
    """As much of a worker as a strategy asks for, on a channel that is turned by hand."""

    def __init__(self, app):
        self.stand = Stand()
        self.planned = []
        self._numbers = itertools.count(1)
        self.consumer = SimpleNamespace(
            app=app,
            hostname="w@h",
            event_dispatcher=None,
            collectors={},
            hub=SimpleNamespace(call_soon=self.planned.append),
            timer=Timer(),
            qos=QoS(),
            initial_prefetch_count=100,
            pool=Pool(),
            blueprint=SimpleNamespace(state=bootsteps.RUN),
            task_consumer=SimpleNamespace(channel=self.stand.channel),
        )
        self._take = app.tasks["a.task"].start_strategy(app, self.consumer)

    def receive(self, embed=None, **headers):
        """A message comes; returns its delivery."""
        one = self.stand.receive(next(self._numbers))  # two with one receipt handle would be settled as one
        self.stand.channel.hand_over(one)
        message = self.stand.received[-1]
        message.headers.update(headers)
        message.payload[2].update(embed or {})
        self._take(message, None, message.ack_log_error, message.reject_log_error, ())
        return one

    def turn(self):
        while self.planned:
            self.planned.pop()()

    def record(self):
        """Let the recorder's thread do what it was given."""
        is_done = threading.Event()
        record_soon(is_done.set)
        assert is_done.wait(10)


@pytest.fixture
def app(tmp_path):
    celery = Celery("strategy", backend=f"file://{tmp_path}", set_as_current=False)

    @celery.task(base=BatchTask, name="a.task", shared=False)
    def a_task(calls):
        """Nobody runs it."""

    yield celery
    celery.close()


@pytest.fixture
def worker(app):
    worker = Worker(app)
    yield worker
    worker.stand.connection.release()
    state.reset_state()
    state.revoked_stamps.clear()  # which it leaves


def in_seconds(seconds):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_a_call_that_has_expired_is_deleted_and_never_runs(app, worker):
    one = worker.receive(expires=in_seconds(-10))
    worker.turn()
    worker.record()
    assert worker.consumer.pool.calls == []
    assert one.state is State.SETTLED
    assert app.AsyncResult(worker.stand.received[0].headers["id"]).state == "REVOKED"


def test_a_call_that_expires_while_it_waits_never_runs(app, worker):
    one = worker.receive(expires=in_seconds(0.05))
    while datetime.now(UTC).isoformat() <= worker.stand.received[0].headers["expires"]:
        pass
    worker.turn()
    worker.record()
    assert worker.consumer.pool.calls == []
    assert one.state is State.SETTLED


def test_a_call_that_has_not_expired_runs(worker):
    one = worker.receive(expires=in_seconds(60))
    worker.turn()
    assert len(worker.consumer.pool.calls) == 1
    assert one.state is State.RUNNING


def test_a_revoked_call_never_runs(worker):
    state.revoked.add("message-1")
    worker.receive(id="message-1")
    worker.turn()
    assert worker.consumer.pool.calls == []


def test_a_call_with_a_stamp_that_is_revoked_while_it_waits_never_runs(worker):
    worker.receive(stamped_headers=["customer"], stamps={"customer": ["7"]})
    worker.receive(stamped_headers=["customer"], stamps={"customer": ["8"]}, id="another")
    state.revoked_stamps["customer"] = ["7"]
    worker.turn()
    assert [call.id for call in worker.consumer.pool.calls] == ["another"]


def test_a_call_brings_what_is_to_follow_it_and_where_it_came_from(worker):
    link = {"task": "another", "args": [], "kwargs": {}, "options": {}}
    worker.receive(embed={"callbacks": [link]})
    worker.turn()
    [call] = worker.consumer.pool.calls
    assert (call.headers["callbacks"], "chain" in call.headers) == ([link], False)
    assert call.headers["delivery_info"]["routing_key"] == "q"


def test_a_rate_limit_has_no_effect_and_the_worker_says_so(app, worker, caplog, monkeypatch):
    monkeypatch.setattr(app.tasks["a.task"], "rate_limit", "10/m")
    app.tasks["a.task"].start_strategy(app, worker.consumer)
    assert "the rate limit 10/m of a.task has no effect" in caplog.text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("flush_every", "flush_every=10 of a.task has no effect: set batch_size"),
        ("flush_interval", "flush_interval=10 of a.task has no effect: remove it"),
    ],
)
def test_nor_have_the_options_of_celery_batches(app, worker, caplog, monkeypatch, name, text):
    assert "has no effect" not in caplog.text
    monkeypatch.setattr(app.tasks["a.task"], name, 10, raising=False)
    app.tasks["a.task"].start_strategy(app, worker.consumer)
    assert text in caplog.text
