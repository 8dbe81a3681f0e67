"""A worker that waits for an answer, and can begin nothing meanwhile, is told apart from one that has work."""

import time

import pytest

from celery_sqs.consume.delivery import State
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.ready import Ready
from tests.unit.deliveries import delivery

PAUSE = 0.05  # seconds


class Stand:
    """A `Ready` whose look-ups are never answered, unless a test does."""

    def __init__(self):
        self.in_flight = InFlight()
        self.ready = Ready(self.in_flight, {}, lambda deliveries: None)

    def receive(self, one):
        self.in_flight.add(one)
        self.turn(one)
        return one

    def turn(self, *added):
        self.ready.add(added)
        self.ready.sort(is_outage=self.in_flight.suspended)

    def stands(self):
        """Whether it has stood still for all of a pause, in which the event loop looked."""
        before = self.ready.standstill.age
        time.sleep(PAUSE)
        self.turn()
        return self.ready.standstill.age >= before + PAUSE


@pytest.fixture
def stand():
    return Stand()


def test_a_worker_without_work_does_not_stand_still(stand):
    assert not stand.stands()


def test_what_is_never_looked_up_is_a_standstill_from_its_receive_on(stand):
    time.sleep(PAUSE)
    stand.receive(delivery(1, receives=2))
    assert stand.ready.standstill.age < PAUSE
    assert stand.stands()
    assert stand.stands()


def test_so_is_a_suspect_whose_attempt_is_never_recorded(stand):
    one = stand.receive(delivery(1, receives=2))
    one.attempts, one.is_alone = 0, True
    stand.turn(one)
    assert stand.ready.next_suspect() is one
    stand.turn()
    assert stand.stands()


def test_each_answer_is_progress(stand):
    one, _ = (stand.receive(delivery(number, receives=2)) for number in (1, 2))
    assert stand.stands()
    one.attempts = 0
    stand.turn(one)
    assert stand.ready.standstill.age < PAUSE


def test_a_task_that_runs_beside_is_no_standstill_and_neither_is_its_end(stand):
    running = stand.receive(delivery(1))
    running.is_submitted = True
    stand.receive(delivery(2, receives=2))
    assert not stand.stands()
    running.is_submitted = False
    assert stand.ready.standstill.age < PAUSE


def test_an_outage_is_no_standstill_and_neither_is_its_end(stand):
    one = stand.receive(delivery(1, receives=2))
    stand.in_flight.suspend(True)
    one.advance(State.PARKED)
    assert not stand.stands()
    stand.in_flight.suspend(False)
    assert stand.ready.standstill.age < PAUSE


def test_it_says_what_all_waits_for(stand):
    first, second = (stand.receive(delivery(number, receives=2)) for number in (1, 2))
    assert str(stand.ready.standstill.waiting).startswith("message m1, which is ready, waits")
    first.attempts, first.is_alone = 0, True
    stand.turn(first)
    assert str(stand.ready.standstill.waiting).startswith("message m2, which is ready, waits")
    assert "1 are looked up or renewed, 1 are to run alone later" in str(stand.ready.standstill.waiting)
    second.advance(State.SETTLED)
    stand.in_flight.pop(second.receipt_handle)
    stand.turn()
    assert stand.ready.next_suspect() is first
    stand.turn()
    assert str(stand.ready.standstill.waiting).startswith("message m1, which is reserved, waits")
