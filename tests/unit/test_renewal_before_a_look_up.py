"""A renewal before anything was looked up changes no decision: the copy is received as the message would have been."""

import dataclasses
import time

import pytest

from celery_sqs.consume.budget import Step, after_receive, is_suspect_next
from celery_sqs.consume.delivery import Delivery
from celery_sqs.message.renewal import Renewal, renewed

MAX_RECEIVES = 3


def received(message, receives):
    """A delivery of a message, or of the entry of a copy, at its so-many-th receive."""
    raw = {
        "MessageId": message.get("MessageId", "copy"),
        "ReceiptHandle": "handle",
        "Body": message.get("Body", message.get("MessageBody")),
        "MessageAttributes": message.get("MessageAttributes", {}),
        "Attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": "1700000000000"},
    }
    return Delivery(raw, "q", "http://q", 30, time.monotonic() + 30, MAX_RECEIVES)


def copied(delivery, times):
    """A delivery of the copy of a copy and so on, each of them renewed at its first receive."""
    for _ in range(times):
        delivery = received(renewed(delivery.message, delivery.next_renewal(records=True)), receives=1)
    return delivery


def copy_with(**fields):
    """A copy as a worker that had looked it up would have sent it."""
    renewal = Renewal(message_id="first", sent_at=1600000000000, receives=4, **fields)
    return renewed({"Body": "{}"}, renewal)


MESSAGES = [
    pytest.param({"MessageId": "first", "Body": "{}"}, id="a message"),
    pytest.param(copy_with(attempts=1), id="a copy"),
    pytest.param(copy_with(attempts=0, is_suspect=True), id="a suspect"),
]


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize(("receives", "times"), [(1, 1), (1, 3), (2, 1), (2, 3)])
@pytest.mark.parametrize("on_record", range(5))
def test_what_follows_from_what_is_on_record_is_the_same(message, receives, times, on_record):
    kept = received(message, receives)
    copy = copied(kept, times)
    budgets = [dataclasses.replace(each.budget(records=True), attempts=on_record) for each in (kept, copy)]
    assert len({(each.is_unexplained, is_suspect_next(each), after_receive(each)) for each in budgets}) == 1


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("receives", [1, 2, 3])
def test_receives_that_count_as_attempts_are_counted_without_that_of_the_renewal(message, receives):
    kept = received(message, receives)
    copy = copied(kept, 2)
    kept.count_receives()
    copy.count_receives()
    assert copy.attempts == kept.attempts


def test_a_message_that_is_given_up_is_not_taken_for_one_that_was_redriven():
    copy = copied(received({"MessageId": "first", "Body": "{}"}, MAX_RECEIVES), 1)
    copy.attempts = MAX_RECEIVES
    assert after_receive(copy.budget(records=True)) is Step.GIVE_UP


def test_the_attempt_that_an_outage_has_interrupted_stays_to_be_withdrawn():
    copy = copied(received(copy_with(begun=4), receives=1), 2)
    assert copy.renewal.begun == 4


def test_once_something_was_looked_up_the_next_copy_starts_from_there():
    kept = received({"MessageId": "first", "Body": "{}"}, 2)
    copy = copied(kept, 1)
    copy.attempts = 1
    renewal = copy.next_renewal(records=True)
    assert (renewal.attempts, renewal.receives_since, renewal.receives) == (1, 0, 3)
