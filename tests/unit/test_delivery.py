"""A delivery's state: what may follow what, from any thread."""

import itertools
import threading

import pytest

from celery_sqs.consume.delivery import FOLLOWING, State
from tests.unit.deliveries import delivery

ENDS = (State.SETTLED, State.LOST)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
def test_a_state_follows_another_only_where_the_table_says_so(before, after):
    one = delivery(1)
    one.state = before
    may_follow = after in FOLLOWING[before]
    assert one.advance(after) is may_follow
    assert one.state is (after if may_follow else before)


@pytest.mark.parametrize("end", ENDS)
def test_nothing_follows_an_end(end):
    assert FOLLOWING[end] == frozenset()


def test_every_other_state_leads_to_each_end():
    assert all(set(ENDS) <= FOLLOWING[state] for state in State if state not in ENDS)


def test_every_state_is_reached():
    reached, new = {State.READY}, {State.READY}
    while new:
        new = set().union(*(FOLLOWING[state] for state in new)) - reached
        reached |= new
    assert reached == set(State)


@pytest.mark.parametrize(("state", "begun"), [(state, state in {State.RUNNING, State.SETTLED}) for state in State])
def test_it_has_begun_once_its_task_runs(state, begun):
    one = delivery(1)
    one.state = state
    assert one.has_begun is begun


def test_of_two_threads_that_end_it_one_does():
    for _ in range(200):
        one, ended = delivery(1), []
        threads = [
            threading.Thread(target=lambda one=one, ended=ended, e=e: ended.append(one.advance(e))) for e in ENDS
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(ended) == [False, True]


def end(one, state, ended):
    ended.append(one.advance(state))


@pytest.mark.parametrize(("count", "limit", "last"), [(1, 3, False), (3, 3, True), (4, 3, True), (99, None, False)])
def test_the_last_receive_is_the_one_that_the_queue_allows_no_other_after(count, limit, last):
    one = delivery(1)
    one.message["Attributes"] = {"ApproximateReceiveCount": str(count)}
    one.max_receive_count = limit
    assert one.is_last is last
