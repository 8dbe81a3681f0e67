"""What is counted of the calls to SQS is what reaches SQS, whatever becomes of it."""

from collections import Counter

import pytest
from prometheus_client import REGISTRY

from celery_sqs import CallFailed, Endpoint, sqs_client
from tests.faults.proxy import Proxy

ENDED = "GetQueueAttributes"


@pytest.fixture
def proxy(emulator):
    running = Proxy(emulator.url, seed=1)
    yield running
    running.stop()


@pytest.fixture
def sqs(proxy):
    return sqs_client(Endpoint("us-east-1", proxy.url, ("test", "test")))


@pytest.fixture
def counted():
    """A function that says what was counted in this test, by action and outcome."""
    before = _calls()
    return lambda: dict(_calls() - before)


def test_each_call_is_counted_by_its_action(sqs, proxy, queues, counted):
    url = proxy.through(queues.url)
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "0", "MessageBody": "{}"}])
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}])
    sqs.receive_message(QueueUrl=url)
    assert counted() == {
        ("SendMessageBatch", "ok"): 1,
        ("ReceiveMessage", "ok"): 2,
        ("DeleteMessageBatch", "ok"): 1,
    }
    assert Counter(action for action, _ in counted()) <= proxy.calls


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [
        ("failing", "failed"),
        ("resetting", "failed"),
        ("losing_responses", "failed"),
        ("throttling", "refused"),
    ],
)
def test_a_call_that_fails_is_counted_once(sqs, proxy, queues, counted, trouble, outcome):
    url = proxy.through(queues.url)
    with getattr(proxy, trouble)(ENDED), pytest.raises(CallFailed):
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert counted() == {(ENDED, outcome): 1}
    assert proxy.calls[ENDED] == 1


def test_a_queue_that_is_not_there_refuses(sqs, proxy, queues, counted):
    with pytest.raises(CallFailed):
        sqs.get_queue_attributes(QueueUrl=proxy.through(queues.url) + "-gone", AttributeNames=["All"])
    assert counted() == {(ENDED, "refused"): 1}


def test_a_connection_that_nobody_takes_is_counted(sqs, proxy, queues, counted):
    with proxy.refusing(), pytest.raises(CallFailed):
        sqs.get_queue_attributes(QueueUrl=proxy.through(queues.url), AttributeNames=["All"])
    assert counted() == {(ENDED, "failed"): 1}


def _calls():
    """The samples of `sqs_calls_total`, by action and outcome."""
    return Counter(
        {
            (sample.labels["action"], sample.labels["outcome"]): int(sample.value)
            for family in REGISTRY.collect()
            for sample in family.samples
            if sample.name == "sqs_calls_total"
        }
    )
