"""What is in flight stays hidden from others until its lease ends."""

import time

import pytest
from botocore.exceptions import ReadTimeoutError

from celery_sqs.aws.group_commit import MAX_ENTRIES
from celery_sqs.aws.queue import LONGEST_DELAY
from celery_sqs.consume.delivery import State
from celery_sqs.consume.heartbeat import Heartbeat
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.leases import Leases
from tests.polling import poll
from tests.unit.deliveries import DENIED, SettlingSQS, delivery, handles, refuse
from tests.unit.event_loop import StuckLoop


@pytest.fixture
def in_flight():
    return InFlight()


def _add(in_flight, *deliveries):
    for one in deliveries:
        in_flight.add(one)
    return deliveries


def test_a_lease_is_extended_before_half_of_it_is_left(in_flight):
    sqs = SettlingSQS()
    due, fresh = _add(in_flight, delivery(1, leased_for=14), delivery(2, leased_for=16))

    Leases(sqs, in_flight, Heartbeat()).extend_due()

    assert sqs.changed == [[{"Id": "0", "ReceiptHandle": "handle-1", "VisibilityTimeout": 30}]]
    assert due.leased_until - time.monotonic() > 29
    assert fresh.leased_until - time.monotonic() < 16


def test_extensions_travel_in_batches(in_flight):
    sqs = SettlingSQS()
    _add(in_flight, *(delivery(number, leased_for=1) for number in range(25)))
    Leases(sqs, in_flight, Heartbeat()).extend_due()
    assert [len(batch) for batch in sqs.changed] == [MAX_ENTRIES, MAX_ENTRIES, 5]
    assert len(set(handles(sqs.changed))) == 25


def test_a_lease_that_sqs_refuses_is_lost_and_not_asked_for_again(in_flight):
    sqs = SettlingSQS(refuse)
    [one] = _add(in_flight, delivery(1, leased_for=1))
    leases = Leases(sqs, in_flight, Heartbeat())
    leases.extend_due()
    leases.extend_due()
    assert one.is_lost
    assert len(sqs.changed) == 1


@pytest.mark.parametrize("failure", [ReadTimeoutError(endpoint_url="http://q"), DENIED], ids=["no answer", "refused"])
def test_an_extension_without_an_answer_or_whose_whole_call_is_refused_is_tried_again(in_flight, failure, caplog):
    sqs = SettlingSQS(failure)
    [one] = _add(in_flight, delivery(1, leased_for=10))
    leases = Leases(sqs, in_flight, Heartbeat())
    leases.extend_due()
    assert not one.is_lost
    assert type(failure).__name__ in caplog.text
    leases.extend_due()
    assert len(sqs.changed) == 2
    assert one.leased_until - time.monotonic() > 29


def test_a_lease_that_has_run_out_is_lost(in_flight):
    sqs = SettlingSQS()
    [one] = _add(in_flight, delivery(1, leased_for=-0.1))
    Leases(sqs, in_flight, Heartbeat()).extend_due()
    assert one.state is State.LOST
    assert sqs.changed == []


def test_no_lease_is_longer_than_sqs_allows(in_flight):
    sqs = SettlingSQS()
    [one] = _add(in_flight, delivery(1, leased_for=1))
    one.received_at -= LONGEST_DELAY
    Leases(sqs, in_flight, Heartbeat()).extend_due()
    assert sqs.changed == []


@pytest.mark.parametrize("hours", [1, 9])
def test_at_the_end_a_lease_is_extended_for_what_sqs_still_takes(in_flight, hours):
    sqs, timeout = SettlingSQS(), hours * 3600
    [one] = _add(in_flight, delivery(1, visibility_timeout=timeout, leased_for=timeout / 2))
    one.received_at -= LONGEST_DELAY - timeout + 100
    leases = Leases(sqs, in_flight, Heartbeat())

    leases.extend_due()

    asked = sqs.changed[0][0]["VisibilityTimeout"]
    assert timeout - 102 <= asked <= timeout - 100
    assert asked - 1 < one.leased_until - time.monotonic() <= asked
    one.received_at -= timeout - 1000  # it is due again, and no second is to be had beyond that
    one.leased_until -= timeout - 1000
    leases.extend_due()
    assert len(sqs.changed) == 1


def test_the_thread_extends_by_itself_until_stopped(in_flight):
    sqs = SettlingSQS()
    _add(in_flight, delivery(1, visibility_timeout=1.0))
    leases = Leases(sqs, in_flight, Heartbeat())
    leases.start()
    poll(lambda: len(sqs.changed) >= 2, 5, "two extensions")
    leases.stop()
    time.sleep(0.3)
    extended = len(sqs.changed)
    time.sleep(1.0)
    assert len(sqs.changed) == extended


def test_nothing_is_extended_once_the_event_loop_has_stopped(in_flight):
    sqs, heartbeat, loop = SettlingSQS(), Heartbeat(stopped_after=0.5), StuckLoop()
    heartbeat.begin(loop, is_busy=lambda: False)
    [one] = _add(in_flight, delivery(1, visibility_timeout=1.0))
    leases = Leases(sqs, in_flight, heartbeat)
    leases.start()
    poll(lambda: one.is_lost, 5, "the lease has run out")
    assert len(sqs.changed) <= 1

    again = delivery(2, leased_for=10)
    _add(in_flight, again)
    loop.turn()

    poll(lambda: again.leased_until - time.monotonic() > 29, 5, "a loop that turns again has its leases extended")
    leases.stop()
