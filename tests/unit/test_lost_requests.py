"""A request whose message is another worker's by the time that it could run is not run."""

import pytest
from celery.concurrency.base import apply_target
from celery.exceptions import TaskRevokedError

from celery_sqs.consume.delivery import State
from tests.unit.test_request import Pool, request_of, stand

__all__ = ["request_of", "stand"]


def send_back(stand, one):
    stand.channel.settle_at_stop(one)


def lose(stand, one):
    one.advance(State.LOST)


@pytest.mark.parametrize("end", [send_back, lose])
def test_a_call_that_waits_for_a_thread_is_not_run_once_its_message_is_another_workers(stand, request_of, end):
    one = stand.receive(1)
    request = request_of(one)
    end(stand, one)
    ran = []
    with pytest.raises(TaskRevokedError):
        apply_target(ran.append, (1,), {}, ran.append, accept_callback=request.on_accepted)
    assert (ran, request.acknowledged, one.state is State.RUNNING) == ([], True, False)


def test_the_record_of_an_attempt_whose_lease_is_lost_before_it_runs_is_withdrawn(stand, request_of):
    one = stand.receive(1)
    one.begun = 1
    request = request_of(one)
    lose(stand, one)
    with pytest.raises(TaskRevokedError):
        request.execute_using_pool(Pool())
    assert (stand.owner.withdrawn, stand.channel.in_flight.all()) == ([one], [])


def test_what_is_lost_at_the_last_moment_before_it_runs_on_a_thread_stays_in_flight_no_longer(stand, request_of):
    one = stand.receive(1)
    request = request_of(one)
    begin = request.begin
    request.begin = lambda: lose(stand, one) or begin()
    ran = []
    with pytest.raises(TaskRevokedError):
        apply_target(ran.append, (1,), {}, ran.append, accept_callback=request.on_accepted)
    assert (ran, request.acknowledged, stand.channel.in_flight.all()) == ([], True, [])


def test_a_call_that_waits_for_a_process_is_not_run_once_its_lease_is_lost(stand, request_of):
    one = stand.receive(1)
    request = request_of(one)
    lose(stand, one)
    with pytest.raises(TaskRevokedError):
        request.execute_using_pool(Pool())
    assert request.acknowledged
