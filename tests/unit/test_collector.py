"""When a batch starts: at once where none runs, and beside another when it is full or has waited."""

import time
from types import SimpleNamespace

import pytest
from celery import Celery, bootsteps
from celery.worker import state
from kombu.common import QoS

from celery_sqs.tasks.batch import BatchTask
from celery_sqs.worker.collector import LINGER, Collector

PROCESSES = 2
PREFETCH = 200  # messages in flight, as by default


class Small(BatchTask):
    abstract = True
    batch_size = 3


class Channel:
    """One whose messages are all still ours.

    Attributes:
        ready: says whether a suspect runs, or is to run before others.
    """

    is_waiting = False
    has_lost = False

    def __init__(self):
        self.ready = SimpleNamespace(is_exclusive=False)
        self.pauses = SimpleNamespace(queues=frozenset())
        self.acked = []

    def ack_all(self, delivery_tags):
        self.acked.append(delivery_tags)

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

    def end_one(self, result=None):
        position = next(number for number, callback in enumerate(self._callbacks) if callback)
        callback, self._callbacks[position] = self._callbacks[position], None
        callback([None] * len(self.batches[position]) if result is None else result)


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
    expires = None

    def __init__(self, name, attempt, is_alone, channel):
        self.id = name
        self.attempt = attempt
        self.is_alone = is_alone
        self.max_receive_count = 3
        self.message = SimpleNamespace(channel=channel, delivery_tag=name)

    def call(self):
        return self.id

    def begin(self):
        """It has no delivery."""

    def settle(self, decision):
        self.decision = decision

    def give_up(self, error):
        self.given_up = error

    def drop_if_lost(self):
        return self.message.channel.has_lost

    def send_event(self, event):
        """Nobody listens."""


class Stand:
    """A collector with everything around it."""

    def __init__(self, task, prefetch=PREFETCH):
        self.hub, self.pool, self.channel = Hub(), Pool(), Channel()
        self.qos = QoS(lambda prefetch_count: None, prefetch)
        consumer = SimpleNamespace(
            hub=self.hub,
            timer=self.hub,
            pool=self.pool,
            qos=self.qos,
            initial_prefetch_count=prefetch,
            blueprint=SimpleNamespace(state=bootsteps.RUN),
            task_consumer=SimpleNamespace(channel=self.channel),
        )
        self._collector = Collector(task, consumer)

    def arrive(self, *names, attempt=1, is_alone=False):
        """Calls that come together."""
        requests = [Request(name, attempt, is_alone, self.channel) for name in names]
        for request in requests:
            self._collector.add(request)
        self.hub.turn()
        return requests

    def resume(self):
        """What a worker does when the last suspect has ended."""
        self.channel.ready.is_exclusive = False
        self._collector.plan()
        self.hub.turn()

    def end_one(self, result=None):
        self.pool.end_one(result)
        self.hub.turn()

    def pass_time(self):
        time.sleep(LINGER * 1.2)
        self.hub.turn()


@pytest.fixture
def task():
    celery = Celery("collecting", set_as_current=False)

    @celery.task(base=Small, bind=True, name="small", shared=False)
    def small(self, calls):
        """Nobody runs it."""

    yield celery.tasks["small"]
    state.reset_state()


@pytest.fixture
def stand(task):
    return Stand(task)


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


def test_a_call_on_its_last_attempt_runs_alone_and_does_not_wait(stand):
    stand.arrive("a")
    stand.arrive("b")
    stand.arrive("last", attempt=3)
    assert stand.pool.batches == [["a"], ["last"]]
    stand.end_one()
    stand.end_one()
    assert stand.pool.batches[2:] == [["b"]]


def test_a_suspect_is_a_batch_of_its_own_however_many_arrive_with_it(stand):
    stand.channel.ready.is_exclusive = True
    stand.arrive("suspect", is_alone=True)
    stand.arrive("b", "c")
    assert stand.pool.batches == [["suspect"]]


def test_while_a_suspect_runs_no_other_batch_begins(stand):
    stand.channel.ready.is_exclusive = True
    stand.arrive("suspect", is_alone=True)
    stand.arrive("b", "c", "d", "e")
    stand.arrive("last", attempt=3)
    stand.pass_time()
    assert stand.pool.batches == [["suspect"]]


def test_what_a_suspect_has_kept_waiting_runs_after_it(stand):
    stand.channel.ready.is_exclusive = True
    stand.arrive("suspect", is_alone=True)
    stand.arrive("b", "c")
    stand.end_one()
    assert stand.pool.batches == [["suspect"]], "another suspect may be next"
    stand.resume()
    assert stand.pool.batches == [["suspect"], ["b", "c"]]


def test_a_suspect_ahead_of_which_calls_were_collected_does_not_join_them(stand):
    stand.arrive("a")
    stand.arrive("b")
    stand.channel.ready.is_exclusive = True
    stand.arrive("suspect", is_alone=True)
    stand.end_one()
    assert stand.pool.batches == [["a"], ["suspect"]]


def test_a_prefetch_limit_of_full_batches_stays_as_it_is(task):
    stand = Stand(task, prefetch=Small.batch_size * PROCESSES)
    stand.arrive("a", "b")
    assert stand.qos.value == Small.batch_size * PROCESSES


def test_a_smaller_prefetch_limit_does_not_keep_batches_small(task):
    stand = Stand(task, prefetch=PROCESSES)
    stand.arrive("a")
    assert stand.qos.value == PROCESSES + 1, "the call takes no room from others"
    stand.arrive(*"bcdefghijkl")
    assert stand.qos.value == Small.batch_size * (PROCESSES + 1), "a batch for each process, and one that is collected"
    assert stand.pool.batches == [["a"], ["b", "c", "d"]]
    for _ in range(5):
        stand.end_one()
        stand.pass_time()
    assert stand.qos.value == PROCESSES


def test_what_is_parked_or_lost_leaves_the_prefetch_limit_as_it_was(task):
    stand = Stand(task, prefetch=PROCESSES)
    stand.channel.is_waiting = True
    stand.arrive("a", "b")
    assert stand.qos.value == PROCESSES
    stand.channel.is_waiting, stand.channel.has_lost = False, True
    stand.arrive("a", "b")
    assert stand.qos.value == PROCESSES


def test_a_result_that_cannot_be_settled_does_not_keep_a_process_from_the_next_batch(stand):
    [request] = stand.arrive("a")
    stand.arrive("b")
    stand.end_one([])
    assert type(request.given_up) is ValueError
    assert stand.pool.batches == [["a"], ["b"]]
