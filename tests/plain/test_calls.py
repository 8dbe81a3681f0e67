"""How many calls to SQS a message takes, how fast messages are drained, and what they look like."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.plain.recipe import RECIPE
from tests.polling import poll

THREADS = 16


def drain(system, count, **settings):
    """Let a worker run a backlog; returns messages a second between the first and the last."""
    for _ in range(count):
        system.send("note")
    system.start_worker("-c", "2", **settings)
    poll(lambda: len(system.runs("note")) == count, 20, "all are run")
    poll(lambda: not system.queues.waiting(), 5, "all are deleted")
    first, *_, last = sorted(system.runs("note"))
    return (count - 1) / (last - first)


def test_a_worker_with_two_processes_drains_more_than_forty_messages_a_second(here):
    assert drain(here, 25) > 40


@pytest.mark.plain
def test_plain_celery_by_default_drains_no_more_than_its_prefetch_a_second(plain):
    # Four messages for each of two processes, then a whole polling interval.
    assert drain(plain, 25) < 12


def test_many_messages_are_deleted_by_one_call(here):
    drain(here, 20)
    assert here.proxy.calls["DeleteMessage"] + here.proxy.calls["DeleteMessageBatch"] <= 10


@pytest.mark.plain
def test_plain_celery_deletes_each_message_by_a_call_of_its_own(plain):
    drain(plain, 20, **RECIPE)
    assert plain.proxy.calls["DeleteMessage"] == 20


def publish(system, count):
    """Call a job from many threads at once, with SQS as far away as it is from a neighbouring network."""
    slow = system.proxy.delaying("SendMessage", "SendMessageBatch", seconds=0.02)
    with slow, ThreadPoolExecutor(THREADS) as threads:
        for sent in [threads.submit(system.send, "note") for _ in range(count)]:
            sent.result()
    assert system.queues.waiting() == count


def test_messages_published_at_the_same_time_share_a_call(here):
    publish(here, 64)
    assert here.proxy.calls["SendMessage"] + here.proxy.calls["SendMessageBatch"] <= 20


@pytest.mark.plain
def test_plain_celery_publishes_each_message_by_a_call_of_its_own(plain):
    publish(plain, 64)
    assert plain.proxy.calls["SendMessage"] == 64


def published_body(system):
    system.send("note")
    [message] = system.queues.peek(system.queues.url)
    return message["Body"]


def test_a_body_is_the_json_of_the_argument(here):
    assert json.loads(published_body(here)) == {"seconds": 0}


@pytest.mark.plain
def test_a_body_of_plain_celery_is_base64_in_base64(plain):
    outer = json.loads(base64.b64decode(published_body(plain), validate=True))
    assert json.loads(base64.b64decode(outer["body"], validate=True))[0] == [{"seconds": 0}]


def test_our_worker_does_without_pycurl(here):
    worker = here.start_worker("-c", "1")
    assert [mapped.path for mapped in psutil.Process(worker.pid).memory_maps() if "curl" in mapped.path] == []
