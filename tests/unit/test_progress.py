"""Whatever happens to its messages, a worker settles all its deliveries: none waits for ever."""

from types import SimpleNamespace

import pytest
from celery import Celery, bootsteps
from celery.worker import state as worker_state
from hypothesis import given, settings
from hypothesis import strategies as st
from kombu.common import QoS

from celery_sqs.consume.budget import Step
from celery_sqs.consume.delivery import State
from celery_sqs.tasks.batch import BatchTask
from celery_sqs.worker.collector import Collector
from celery_sqs.worker.request import SQSRequest
from tests.unit.channels import Stand as ChannelStand
from tests.unit.test_channel import AtOnce
from tests.unit.test_collector import Hub

#: Turns of the event loop in which all ends once nothing new happens; each of three messages takes a few.
TURNS = 200

MESSAGES = st.integers(0, 2)
WHICH = st.integers(0, 9)
ACTIONS = st.one_of(
    st.tuples(st.just("receive"), MESSAGES, st.integers(1, 3)),
    st.tuples(st.just("answer"), WHICH, st.sampled_from([Step.RUN, Step.RUN_ALONE, Step.RENEW, Step.PARK])),
    st.tuples(st.just("begin"), WHICH, st.booleans()),
    st.tuples(st.just("renewed"), WHICH, st.booleans()),
    st.tuples(st.just("end"), WHICH, st.sampled_from(["done", "failed", "outage", "blocked", "killed"])),
    st.tuples(st.just("lose"), WHICH),
    st.tuples(st.just("outage"), st.booleans()),
    st.tuples(st.just("turn")),
    st.tuples(st.just("batches")),
)


class Request:
    """A call of the batch task, with what `SQSRequest` does to its delivery."""

    name = "small"
    expires = None
    max_receive_count = 3
    attempt = 1
    delivery, is_alone = SQSRequest.delivery, SQSRequest.is_alone
    begin, drop_if_lost = SQSRequest.begin, SQSRequest.drop_if_lost

    def __init__(self, message):
        self.id = self.message_id = message.delivery_tag
        self.message = message

    def call(self):
        return self

    def reject(self, requeue):
        self.message.channel.basic_reject(self.message.delivery_tag, requeue)

    def send_event(self, event):
        """Nobody listens."""

    def settle(self, decision):
        """The outcome that a test has given, or a `RetryDecision` of the collector's own: to park it in an outage."""
        channel, tag = self.message.channel, self.message.delivery_tag
        match decision:
            case "done":
                channel.basic_ack(tag)
            case "failed":
                channel.release(tag, 0)
            case "blocked":
                channel.postpone(tag, 1)
            case _:
                channel.park(tag, None)

    def on_failure(self, error):
        self.settle("failed")


class Pool:
    """Keeps batches until a test ends them."""

    num_processes = 2

    def __init__(self):
        self.batches = []

    def apply_async(self, run, args, callback, error_callback, **_):
        self.batches.append((len(args[1]), callback, error_callback))


class Worker:
    """A channel, a collector, and stores, SQS and a pool that answer when they are asked to."""

    def __init__(self, task):
        self.stand = ChannelStand()
        self.channel = self.stand.channel
        self.channel.depend_on = lambda task: self.channel.in_flight.suspend(True)
        self.channel.hub = AtOnce()
        self.hub, self.pool, self.renewing = Hub(), Pool(), []
        consumer = SimpleNamespace(
            hub=self.hub,
            timer=self.hub,
            pool=self.pool,
            qos=QoS(lambda prefetch_count: None, 200),
            initial_prefetch_count=200,
            blueprint=SimpleNamespace(state=bootsteps.RUN),
            task_consumer=SimpleNamespace(channel=self.channel),
        )
        self.collector = Collector(task, consumer)
        self.stand.owner.resume = self.collector.plan
        self.channel.connection._callbacks["q"] = self._take

    def _take(self, payload):
        self.collector.add(Request(self.channel.Message(payload, channel=self.channel)))

    def receive(self, number, receives):
        """The same number again, while it is in flight, is a second answer with the same receipt handle."""
        self.stand.receive(number, receives=receives)

    def answer(self, which, step):
        if one := self._pick(self.stand.owner.examined, which):
            if step is Step.PARK:
                self.channel.park(one.receipt_handle, None)
            elif step is Step.RENEW:
                if self.channel.settlements.advance(one, State.RENEWING):
                    self.renewing.append(one)
            else:
                one.attempts = 0
                self.channel.proceed(one, step, records=True)

    def renewed(self, which, is_taken):
        if one := self._pick(self.renewing, which):
            one.attempts = 0
            (self.channel.settlements.delete if is_taken else self.channel.settlements._refused)(one)

    def begin(self, which, is_recorded):
        if one := self._pick(self.stand.owner.begun, which):
            if is_recorded:
                self.channel.begin(one)
            else:
                self.channel.park(one.receipt_handle, None)

    def end(self, which, how):
        if batch := self._pick(self.pool.batches, which):
            size, callback, error_callback = batch
            if how == "killed":
                error_callback(SimpleNamespace(exception=None))
            else:
                callback([how] * size)

    def lose(self, which):
        one = self._pick(self.channel.in_flight.all(), which)
        if one and one.advance(State.LOST):
            one.leased_until = 0

    def outage(self, begins):
        self.channel.in_flight.suspend(begins)

    def turn(self):
        self.channel.turn()

    def batches(self):
        self.hub.turn()

    def _pick(self, waiting, which):
        return waiting.pop(which % len(waiting)) if waiting else None

    def finish(self):
        """Nothing new happens: all that is asked is answered."""
        self.outage(begins=False)
        for _ in range(TURNS):
            self.turn()
            self.batches()
            self.answer(0, Step.RUN)
            self.renewed(0, is_taken=True)
            self.begin(0, is_recorded=True)
            self.end(0, "done")


@pytest.fixture(scope="module")
def task():
    celery = Celery("progressing", set_as_current=False)

    @celery.task(base=BatchTask, bind=True, name="small", shared=False)
    def small(self, calls):
        """Nobody runs it."""

    yield celery.tasks["small"]
    worker_state.reset_state()


@settings(max_examples=200, deadline=None)
@given(actions=st.lists(ACTIONS, min_size=20, max_size=60))
def test_all_that_a_worker_holds_ends(task, actions):
    worker = Worker(task)
    for name, *arguments in actions:
        getattr(worker, name)(*arguments)
    worker.finish()
    assert worker.channel.in_flight.all() == []
    assert worker.channel.ready.standstill.waiting is None
    worker.channel.settlements.close(1)
