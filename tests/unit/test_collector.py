"""When a batch starts: at once where none runs, and beside another when it is full or has waited."""

import time
from types import SimpleNamespace

import pytest
from celery import Celery, bootsteps
from celery.worker import state

from celery_sqs.tasks.batch import BatchTask
from celery_sqs.worker.collector import LINGER, Collector

PROCESSES = 2


class Small(BatchTask):
    abstract = True
    batch_size = 3


class Channel:
    """One whose messages are all still ours."""

    is_waiting = False

    def owns(self, delivery_tag):
        return True

    def wake(self):
        """There is no hub to be woken."""


class Pool:
    """Notes the batches that it gets, and ends them when a test asks for it."""

    num_processes = PROCESSES

    def __init__(self):
        self.batches = []
        self._callbacks = []

    def apply_async(self, run, args, callback, **_):
        self.batches.append(args[1])
        self._callbacks.append(callback)

    def end_one(self):
        position = next(number for number, callback in enumerate(self._callbacks) if callback)
        callback, self._callbacks[position] = self._callbacks[position], None
        callback([None] * len(self.batches[position]))


class Hub:
    """Does at the end of a turn what was planned in it; its timer waits for real time."""

    def __init__(self):
        self._soon = []
        self._later = []

    def call_soon(self, work):
        self._soon.append(work)

    def call_after(self, seconds, work):
        self._later.append((time.monotonic() + seconds, work))

    def turn(self):
        due = [work for at, work in self._later if at <= time.monotonic()]
        self._later = [(at, work) for at, work in self._later if at > time.monotonic()]
        while self._soon or due:
            (due or self._soon).pop(0)()


class Request:
    """A waiting call, with what a collector and Celery's state of requests use of it."""

    name = "small"

    def __init__(self, name, receive_count, channel):
        self.id = name
        self.receive_count = receive_count
        self.max_receive_count = 3
        self.message = SimpleNamespace(channel=channel, delivery_tag=name)

    def call(self):
        return self.id

    def begin(self):
        """It has no delivery."""

    def settle(self, decision):
        """It has no message."""

    def send_event(self, event):
        """Nobody listens."""


class Stand:
    """A collector with everything around it."""

    def __init__(self, task):
        self.hub, self.pool, self._channel = Hub(), Pool(), Channel()
        consumer = SimpleNamespace(
            hub=self.hub,
            timer=self.hub,
            pool=self.pool,
            blueprint=SimpleNamespace(state=bootsteps.RUN),
            task_consumer=SimpleNamespace(channel=self._channel),
        )
        self._collector = Collector(task, consumer)

    def arrive(self, *names, receive_count=1):
        """Calls that come together."""
        for name in names:
            self._collector.add(Request(name, receive_count, self._channel))
        self.hub.turn()

    def end_one(self):
        self.pool.end_one()
        self.hub.turn()

    def pass_time(self):
        time.sleep(LINGER * 1.2)
        self.hub.turn()


@pytest.fixture
def stand():
    celery = Celery("collecting", set_as_current=False)

    @celery.task(base=Small, bind=True, name="small", shared=False)
    def small(self, calls):
        """Nobody runs it."""

    yield Stand(celery.tasks["small"])
    state.reset_state()


def test_a_lone_call_starts_at_once(stand):
    stand.arrive("a")
    assert stand.pool.batches == [["a"]]


def test_what_arrives_together_is_one_batch(stand):
    stand.arrive("a", "b")
    assert stand.pool.batches == [["a", "b"]]


def test_what_arrives_while_a_batch_runs_is_the_next_one(stand):
    stand.arrive("a")
    stand.arrive("b")
    stand.arrive("c")
    assert stand.pool.batches == [["a"]]
    stand.end_one()
    assert stand.pool.batches == [["a"], ["b", "c"]]


def test_a_full_batch_starts_beside_one_that_runs(stand):
    stand.arrive("a")
    stand.arrive("b", "c")
    stand.arrive("d", "e")
    assert stand.pool.batches == [["a"], ["b", "c", "d"]]


def test_what_has_waited_long_enough_starts_beside_one_that_runs(stand):
    stand.arrive("a")
    stand.arrive("b")
    stand.hub.turn()
    assert stand.pool.batches == [["a"]]
    stand.pass_time()
    assert stand.pool.batches == [["a"], ["b"]]


def test_no_more_batches_run_than_the_pool_has_processes(stand):
    stand.arrive("a")
    stand.arrive("b", "c", "d", "e", "f", "g", "h")
    stand.pass_time()
    assert stand.pool.batches == [["a"], ["b", "c", "d"]]
    stand.end_one()
    assert stand.pool.batches[2:] == [["e", "f", "g"]]
    stand.end_one()
    assert stand.pool.batches[3:] == [["h"]]


def test_a_call_on_its_last_receive_runs_alone_and_does_not_wait(stand):
    stand.arrive("a")
    stand.arrive("b")
    stand.arrive("last", receive_count=3)
    assert stand.pool.batches == [["a"], ["last"]]
    stand.end_one()
    stand.end_one()
    assert stand.pool.batches[2:] == [["b"]]
