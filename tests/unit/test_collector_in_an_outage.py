"""In an outage a batch that waits is parked at once: parked, it is renewed before its queue deletes it."""

from types import SimpleNamespace

import pytest
from celery import bootsteps

from celery_sqs.tasks.decision import Kind
from celery_sqs.worker.collector import Collector


class Request:
    """A call in an outage, while something that has come back could not be looked up."""

    id = "call-1"
    expires = None
    is_alone = False
    attempt = 1
    max_receive_count = 3

    def __init__(self, channel):
        self.message = SimpleNamespace(channel=channel, delivery_tag="handle")
        self.decisions = []

    def drop_if_lost(self):
        return False

    def settle(self, decision):
        self.decisions.append(decision)


@pytest.fixture
def channel():
    ready, pauses = SimpleNamespace(is_exclusive=True), SimpleNamespace(queues=frozenset())
    return SimpleNamespace(is_waiting=True, ready=ready, pauses=pauses)


@pytest.fixture
def collector(channel):
    consumer = SimpleNamespace(
        hub=SimpleNamespace(call_soon=lambda call: call()),
        pool=SimpleNamespace(num_processes=1),
        initial_prefetch_count=100,
        blueprint=SimpleNamespace(state=bootsteps.RUN),
        task_consumer=SimpleNamespace(channel=channel),
    )
    return Collector(SimpleNamespace(name="jobs", batch_size=100), consumer)


def test_calls_that_wait_for_others_to_be_looked_up_are_parked(collector, channel):
    request = Request(channel)
    collector.add(request)
    assert [decision.kind for decision in request.decisions] == [Kind.OUTAGE]


def test_without_an_outage_they_wait(collector, channel):
    channel.is_waiting = False
    request = Request(channel)
    collector.add(request)
    assert request.decisions == []
    channel.is_waiting = True
    collector.plan()
    assert [decision.kind for decision in request.decisions] == [Kind.OUTAGE]
