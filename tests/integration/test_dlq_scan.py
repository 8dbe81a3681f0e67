"""A scan of a DLQ on an emulator: it sees all, hides it only while it lasts, and loses nothing."""

import base64
import time
from collections import Counter

import pytest

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq.queue import VISIBILITY, DeadLetterQueue
from celery_sqs.errors import CallFailed
from celery_sqs.message.outgoing import resent
from celery_sqs.metrics import CALLS, OK
from tests.dead_orders import bury, in_all, visible

LARGEST = 262_144  # bytes of a message that the emulator takes


@pytest.fixture
def dlq(emulator, queues):
    return DeadLetterQueue(Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url, queues.dlq_url, wait=0)


def scanned(dlq):
    with dlq.scan() as scan:
        found = [message for messages in scan for message in messages]
        assert scan.complete
    return found


def test_a_scan_sees_all_and_the_next_operator_does_so_right_after_it(dlq, queues):
    sent = set(bury(queues, [f"body {number}" for number in range(123)]))
    for _ in range(3):
        assert {message["MessageId"] for message in scanned(dlq)} == sent
        assert visible(queues, queues.dlq_url) == 123


def test_while_it_lasts_a_scan_hides_what_it_has_seen_for_a_short_time_only(dlq, queues):
    bury(queues, ["a body"])
    with dlq.scan() as scan:
        next(iter(scan))
        assert (visible(queues, queues.dlq_url), in_all(queues, queues.dlq_url)) == (0, 1)
    assert VISIBILITY <= 30


def test_scanning_often_moves_no_message(dlq, queues):
    bury(queues, ["a body"])
    for _ in range(5):  # the work queue allows three receives
        [message] = scanned(dlq)
    assert message["Attributes"]["ApproximateReceiveCount"] == "5"
    assert in_all(queues, queues.dlq_url) == 1


def test_an_empty_dlq_is_seen_as_empty_soon(dlq):
    began_at = time.monotonic()
    assert scanned(dlq) == []
    assert time.monotonic() - began_at < 5


def test_a_message_goes_back_to_work_as_it_was(dlq, queues):
    body = base64.b64encode(bytes(range(256))).decode()
    bury(
        queues,
        [body],
        celery_id={"DataType": "String", "StringValue": "a task's id ☕"},
        picture={"DataType": "Binary.png", "BinaryValue": bytes(range(256))},
        size={"DataType": "Number", "StringValue": "17.0"},
    )
    [before] = queues.peek(queues.dlq_url)
    with dlq.scan() as scan:
        messages = next(iter(scan))
        [new_id] = scan.send([resent(messages[0], body)])
        assert in_all(queues, queues.dlq_url) == 1, "it is deleted by whoever has written down that it was sent"
        assert scan.delete(messages) == [None]
    [after] = queues.peek(queues.url)
    assert (after["Body"], after["MessageAttributes"]) == (body, before["MessageAttributes"])
    assert after["MessageId"] == new_id != before["MessageId"]
    assert after["MD5OfMessageAttributes"] == before["MD5OfMessageAttributes"]
    assert in_all(queues, queues.dlq_url) == 0


def test_large_messages_go_back_to_work(dlq, queues):
    bodies = [character * LARGEST for character in "abcdef"]  # more than a batch may hold
    for body in bodies:
        bury(queues, [body])
    with dlq.scan() as scan:
        found = [message for messages in scan for message in messages]
        scan.send([resent(message, message["Body"]) for message in found])
        scan.delete(found)
    assert {message["Body"] for message in queues.peek(queues.url)} == set(bodies)


def test_the_dlq_is_the_one_that_the_work_queue_names_unless_told(emulator, queues):
    unnamed = DeadLetterQueue(Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url)
    assert unnamed.url == queues.dlq_url


def test_a_work_queue_without_a_dlq_says_so(emulator, queues):
    without = DeadLetterQueue(Endpoint("us-east-1", emulator.url, ("test", "test")), queues.dlq_url)
    with pytest.raises(CallFailed, match="has no DLQ"):
        _ = without.url


def test_a_dlq_that_does_not_exist_is_out_of_reach(emulator, queues):
    endpoint = Endpoint("us-east-1", emulator.url, ("test", "test"))
    with pytest.raises(CallFailed), DeadLetterQueue(endpoint, queues.url, f"{queues.dlq_url}-not").scan() as scan:
        list(scan)


def test_messages_are_seen_and_released_ten_at_a_time(dlq, queues):
    bury(queues, [f"body {number}" for number in range(3_000)])
    before = made()
    assert len(scanned(dlq)) == 3_000
    calls = made() - before
    assert calls["ReceiveMessage"] < 330
    assert calls["ChangeMessageVisibilityBatch"] == 300
    assert visible(queues, queues.dlq_url) == 3_000


def made():
    """The calls that this process has made to SQS, by name."""
    samples = [sample for family in CALLS.collect() for sample in family.samples]
    return Counter({sample.labels["action"]: sample.value for sample in samples if sample.labels["outcome"] == OK})
