"""What may go on now: what has come back is examined first, suspects run one at a time, and then the others."""

import pytest

from celery_sqs.consume.delivery import State
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.ready import Ready
from tests.unit.deliveries import delivery


class Stand:
    """A `Ready`, and an examination whose answers a test gives."""

    def __init__(self):
        self.in_flight = InFlight()
        self.in_flight.resize(100)
        self.examined = []
        self.ready = Ready(self.in_flight, {}, self.examined.extend)

    def receive(self, *deliveries):
        for one in deliveries:
            self.in_flight.add(one)
        self.ready.add(deliveries)
        self.ready.sort(is_outage=False)

    def answer(self, one, *, is_alone=False, attempts=0):
        """A message may run."""
        one.attempts, one.is_alone = attempts, is_alone
        self.ready.add([one])
        self.ready.sort(is_outage=False)

    def end(self, one, state=State.SETTLED):
        """A delivery is no longer in flight."""
        self.in_flight.pop(one.receipt_handle)
        one.advance(state)
        self.ready.sort(is_outage=False)

    def all_next(self):
        """All that may go on now."""
        found = []
        while one := self.ready.next():
            found.append(one)
        return found


@pytest.fixture
def stand():
    return Stand()


def returned(number):
    return delivery(number, receives=2)


def test_what_comes_for_the_first_time_goes_on_in_its_order(stand):
    ones = [delivery(number) for number in range(3)]
    stand.receive(*ones)
    assert stand.examined == []
    assert stand.all_next() == ones


def test_what_has_come_back_is_examined_together(stand):
    back = [returned(1), returned(2)]
    stand.receive(delivery(0), *back)
    assert stand.examined == back


def test_nothing_goes_on_while_something_is_examined(stand):
    one, new, later = returned(1), delivery(2), delivery(3)
    stand.receive(one, new)
    stand.receive(later)
    assert stand.all_next() == []
    assert stand.ready.is_exclusive
    stand.answer(one)
    assert set(stand.all_next()) == {one, new, later}
    assert not stand.ready.is_exclusive


@pytest.mark.parametrize("state", [State.SETTLED, State.LOST])
def test_what_is_renewed_or_lost_keeps_the_others_waiting_no_more(stand, state):
    one, new = returned(1), delivery(2)
    stand.receive(one, new)
    stand.end(one, state)
    assert stand.all_next() == [new]


def test_what_is_being_renewed_keeps_the_others_waiting(stand):
    one, new = returned(1), delivery(2)
    stand.receive(one, new)
    one.advance(State.RENEWING)
    stand.ready.sort(is_outage=False)
    assert stand.all_next() == []


def test_what_is_examined_and_whose_lease_has_ended_is_another_workers_to_decide(stand):
    one, new = delivery(1, receives=2, leased_for=-1), delivery(2)
    stand.receive(one, new)
    assert stand.all_next() == [new]


def test_a_suspect_begins_before_the_others_and_they_wait_until_it_has_ended(stand):
    one, new = returned(1), delivery(2)
    stand.receive(one, new)
    assert stand.ready.next_suspect() is None, "it is not known yet what it is"
    stand.answer(one, is_alone=True)
    assert stand.ready.next_suspect() is one
    one.advance(State.RESERVED)
    one.advance(State.RUNNING)
    stand.ready.sort(is_outage=False)
    assert stand.all_next() == []
    stand.end(one)
    assert stand.all_next() == [new]


def test_suspects_begin_one_at_a_time(stand):
    first, second = returned(1), returned(2)
    stand.receive(first, second)
    stand.answer(first, is_alone=True)
    assert stand.ready.next_suspect() is None, "the other may be one that has to be renewed first"
    stand.answer(second, is_alone=True)
    assert stand.ready.next_suspect() is first
    assert stand.ready.next_suspect() is None
    stand.end(first)
    assert stand.ready.next_suspect() is second


def test_a_suspect_does_not_begin_beside_what_the_pool_has(stand):
    busy, suspect = delivery(1), returned(2)
    stand.receive(busy)
    assert stand.all_next() == [busy]
    busy.is_submitted = True
    stand.receive(suspect)
    stand.answer(suspect, is_alone=True)
    assert stand.ready.next_suspect() is None
    stand.end(busy)
    assert stand.ready.next_suspect() is suspect


def test_what_was_handed_to_celery_and_has_not_begun_does_not_keep_a_suspect_waiting(stand):
    waits, suspect = delivery(1), returned(2)
    stand.receive(waits)
    assert stand.all_next() == [waits]
    stand.receive(suspect)
    stand.answer(suspect, is_alone=True)
    assert stand.ready.next_suspect() is suspect


@pytest.mark.parametrize("state", [State.PARKED, State.LOST])
def test_a_suspect_that_was_parked_or_lost_lets_the_others_go_on(stand, state):
    suspect, new = returned(1), delivery(2)
    stand.receive(suspect, new)
    stand.answer(suspect, is_alone=True)
    assert stand.ready.next_suspect() is suspect
    suspect.advance(state)
    stand.ready.sort(is_outage=False)
    assert stand.all_next() == [new]


def test_what_is_parked_stays_parked_until_the_outage_is_over(stand):
    one = delivery(1)
    stand.receive(one)
    assert stand.all_next() == [one]
    one.advance(State.RESERVED)
    one.advance(State.PARKED)
    stand.ready.add([one])
    stand.ready.sort(is_outage=True)
    assert (one.state, stand.all_next()) == (State.PARKED, [])
    stand.ready.sort(is_outage=False)
    assert (one.state, stand.all_next()) == (State.READY, [one])


def test_what_could_not_be_looked_up_in_an_outage_is_examined_after_it(stand):
    one = returned(1)
    stand.receive(one)
    one.advance(State.PARKED)
    stand.ready.add([one])
    stand.ready.sort(is_outage=True)
    assert stand.examined == [one]
    stand.ready.sort(is_outage=False)
    assert stand.examined == [one, one]


def test_a_suspect_that_an_outage_has_interrupted_is_examined_before_another_begins(stand):
    one, other = returned(1), returned(2)
    stand.receive(one, other)
    stand.answer(one, is_alone=True)
    stand.answer(other, is_alone=True)
    assert stand.ready.next_suspect() is one
    one.begun = 2
    one.advance(State.RUNNING)
    one.advance(State.PARKED)
    stand.ready.add([one])
    stand.ready.sort(is_outage=True)
    assert stand.examined == [one, other], "nothing can be withdrawn now"
    stand.ready.sort(is_outage=False)
    assert stand.examined == [one, other, one]
    assert stand.ready.next_suspect() is None
    stand.answer(one, is_alone=True)
    assert stand.ready.next_suspect() is other


def test_a_suspect_that_is_back_before_its_end_was_seen_keeps_nobody_waiting(stand):
    one, new = returned(1), delivery(2)
    stand.receive(one, new)
    stand.answer(one, is_alone=True)
    assert stand.ready.next_suspect() is one
    one.advance(State.PARKED)
    stand.ready.add([one])
    stand.ready.sort(is_outage=False)
    assert stand.ready.next_suspect() is one
    stand.end(one)
    assert stand.all_next() == [new]


def test_nothing_is_received_while_a_suspect_waits_or_runs():
    in_flight = InFlight()
    in_flight.resize(10)
    ready = Ready(in_flight, {}, lambda returned: None)
    suspect = delivery(1, receives=1)
    suspect.is_alone = True
    in_flight.add(suspect)
    ready.add([suspect])
    ready.sort(False)
    assert in_flight.room() == 0
    assert ready.next_suspect() is suspect
    ready.sort(False)
    assert in_flight.room() == 0
    suspect.advance(State.SETTLED)
    in_flight.pop(suspect.receipt_handle)
    ready.sort(False)
    assert in_flight.room() == 10


class Receiver:
    """A receiver whose poll is under way until a test ends it."""

    is_receiving = True


def test_a_suspect_waits_for_the_poll_that_is_under_way():
    in_flight, receiver = InFlight(), Receiver()
    ready = Ready(in_flight, {"q": receiver}, lambda returned: None)
    suspect = delivery(1)
    suspect.is_alone = True
    in_flight.add(suspect)
    ready.add([suspect])
    ready.sort(False)
    assert ready.next_suspect() is None
    receiver.is_receiving = False
    assert ready.next_suspect() is suspect


def test_a_suspect_whose_receipt_handle_names_another_delivery_keeps_nobody_waiting(stand):
    suspect, other = delivery(1, receives=2), delivery(2)
    stand.receive(suspect, other)
    stand.answer(suspect, is_alone=True)
    assert stand.ready.next_suspect() is suspect
    stand.in_flight.pop(suspect.receipt_handle)
    stand.in_flight.add(delivery(1, receives=2))
    stand.ready.sort(is_outage=False)
    assert stand.all_next() == [other]
