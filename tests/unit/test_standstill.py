"""A worker that waits for an answer, and can begin nothing meanwhile, is distinguished from one that has work."""

import time

import pytest

from celery_sqs.consume.delivery import State
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.ready import Ready
from tests.unit.deliveries import delivery

PAUSE = 0.05  # seconds


class Worker:
    """A `Ready` whose look-ups are never answered, unless a test does."""

    def __init__(self):
        self.in_flight = InFlight()
        self.ready = Ready(self.in_flight, {}, lambda deliveries: None)

    def receive(self, one):
        self.in_flight.add(one)
        self.iterate(one)
        return one

    def iterate(self, *added):
        self.ready.add(added)
        self.ready.sort(is_outage=self.in_flight.suspended)

    def is_at_a_standstill(self):
        """Whether it was at a standstill for all of a pause, in which the event loop ran."""
        before = self.ready.standstill.age
        time.sleep(PAUSE)
        self.iterate()
        return self.ready.standstill.age >= before + PAUSE


@pytest.fixture
def worker():
    return Worker()


def test_a_worker_without_work_is_at_no_standstill(worker):
    assert not worker.is_at_a_standstill()


def test_what_is_never_looked_up_is_a_standstill_from_its_receive_on(worker):
    time.sleep(PAUSE)
    worker.receive(delivery(1, receives=2))
    assert worker.ready.standstill.age < PAUSE
    assert worker.is_at_a_standstill()
    assert worker.is_at_a_standstill()


def test_so_is_a_suspect_whose_attempt_is_never_recorded(worker):
    one = worker.receive(delivery(1, receives=2))
    one.attempts, one.is_alone = 0, True
    worker.iterate(one)
    assert worker.ready.next_suspect() is one
    worker.iterate()
    assert worker.is_at_a_standstill()


def test_each_answer_is_progress(worker):
    one, _ = (worker.receive(delivery(number, receives=2)) for number in (1, 2))
    assert worker.is_at_a_standstill()
    one.attempts = 0
    worker.iterate(one)
    assert worker.ready.standstill.age < PAUSE


def test_a_task_that_runs_beside_is_no_standstill_and_neither_is_its_end(worker):
    running = worker.receive(delivery(1))
    running.is_submitted = True
    worker.receive(delivery(2, receives=2))
    assert not worker.is_at_a_standstill()
    running.is_submitted = False
    assert worker.ready.standstill.age < PAUSE


def test_an_outage_is_no_standstill_and_neither_is_its_end(worker):
    one = worker.receive(delivery(1, receives=2))
    worker.in_flight.suspend(True)
    one.advance(State.PARKED)
    assert not worker.is_at_a_standstill()
    worker.in_flight.suspend(False)
    assert worker.ready.standstill.age < PAUSE


def test_it_says_what_all_waits_for(worker):
    first, second = (worker.receive(delivery(number, receives=2)) for number in (1, 2))
    assert str(worker.ready.standstill.waiting).startswith("message m1, which is ready, waits")
    first.attempts, first.is_alone = 0, True
    worker.iterate(first)
    assert str(worker.ready.standstill.waiting).startswith("message m2, which is ready, waits")
    assert "1 are looked up or renewed, 1 are to run alone later" in str(worker.ready.standstill.waiting)
    second.advance(State.SETTLED)
    worker.in_flight.pop(second.receipt_handle)
    worker.iterate()
    assert worker.ready.next_suspect() is first
    worker.iterate()
    assert str(worker.ready.standstill.waiting).startswith("message m1, which is reserved, waits")
