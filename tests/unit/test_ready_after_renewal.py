"""What was renewed while it waited for the event loop does not run."""

import pytest

from celery_sqs.consume.delivery import State
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.ready import Ready
from tests.unit.deliveries import delivery


@pytest.fixture
def in_flight():
    return InFlight()


@pytest.fixture
def examined():
    return []


@pytest.fixture
def ready(in_flight, examined):
    return Ready(in_flight, {}, examined.extend)


def add(ready, in_flight, number, state=State.READY, **fields):
    one = delivery(number)
    one.attempts = 0
    for name, value in fields.items():
        setattr(one, name, value)
    if state is State.PARKED:
        one.advance(State.PARKED)
    in_flight.add(one)
    ready.add([one])
    return one


def test_one_that_was_parked_and_is_being_renewed_when_the_outage_ends_is_left_out(ready, in_flight):
    kept, renewed = (add(ready, in_flight, number, State.PARKED) for number in (1, 2))
    ready.sort(is_outage=True)
    renewed.advance(State.RENEWING)
    ready.sort(is_outage=False)
    assert [ready.next(), ready.next()] == [kept, None]
    assert renewed.state is State.RENEWING


def test_a_suspect_that_is_being_renewed_is_left_out_and_the_next_begins(ready, in_flight):
    renewed, suspect = (add(ready, in_flight, number, is_alone=True) for number in (1, 2))
    ready.sort(is_outage=False)
    renewed.advance(State.RENEWING)
    assert ready.next_suspect() is suspect
    assert suspect.state is State.RESERVED, "from here on it is not renewed"


def test_a_suspect_whose_lease_is_lost_is_left_to_others(ready, in_flight, examined):
    lost = add(ready, in_flight, 1, is_alone=True, leased_until=0)
    ready.sort(is_outage=False)
    assert ready.next_suspect() is None
    assert examined == [lost]
    assert not ready.is_exclusive
