"""A request says what its delivery knows, and lets it know when the pool has it."""

from types import SimpleNamespace

import pytest
from celery import Celery
from celery.worker import state

from celery_sqs import SQSTask
from celery_sqs.consume.delivery import State
from celery_sqs.message.renewal import Renewal
from celery_sqs.tasks.decision import Kind, RetryDecision
from celery_sqs.worker.request import SQSRequest
from tests.unit.channels import RECEIVES, Stand


class Pool:
    """Takes a run, and does nothing."""

    def apply_async(self, *args, **kwargs):
        """No result."""


@pytest.fixture
def stand():
    stand = Stand()
    yield stand
    stand.connection.release()
    state.reset_state()


@pytest.fixture
def request_of(stand):
    """A function that makes the request of a delivery which the channel has handed over."""
    app = Celery("request", set_as_current=False)

    @app.task(base=SQSTask, name="a.task", shared=False)
    def a_task(order):
        """Nobody runs it."""

    def request_of(one):
        stand.channel.hand_over(one)
        consumer = SimpleNamespace(app=app, hostname="w@h", event_dispatcher=None)
        message = stand.received[-1]
        return SQSRequest.of(message, app.tasks["a.task"], consumer, message.ack, message.reject)

    return request_of


def a_copy(stand):
    one = stand.receive(1, receives=2, renewal=Renewal(message_id="first", sent_at=0, receives=4, attempts=1))
    one.attempts = 1
    return one


def test_attempts_and_receives_are_those_of_the_message_and_not_of_its_copy(stand, request_of):
    request = request_of(a_copy(stand))
    assert (request.message_id, request.attempt, request.receive_count) == ("first", 2, 6)
    assert request.max_receive_count == RECEIVES
    call = request.call()
    assert (call.message_id, call.retries, call.receive_count) == ("first", 1, 6)


@pytest.mark.parametrize("alone", [True, False])
def test_it_says_whether_it_is_to_run_alone(stand, request_of, alone):
    one = stand.receive(1)
    one.is_alone = alone
    assert request_of(one).is_alone is alone


def test_its_delivery_knows_that_the_pool_has_it_and_that_it_has_not_begun(stand, request_of):
    one = stand.receive(1)
    request = request_of(one)
    assert not one.is_submitted
    request.execute_using_pool(Pool())
    assert (one.is_submitted, one.state) == (True, State.RESERVED)
    request.begin()
    assert one.state is State.RUNNING


def test_what_is_parked_is_not_the_pools_any_more(stand, request_of):
    one = stand.receive(1)
    request_of(one).execute_using_pool(Pool())
    task = SimpleNamespace(name="a.task", is_back=lambda: True)
    stand.channel.park(one.receipt_handle, task)
    assert (one.is_submitted, one.state) == (False, State.PARKED)


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_failed_attempt_that_is_not_on_record_is_counted(stand, request_of, unrecorded, is_recorded):
    request_of(stand.receive(1)).settle(RetryDecision(Kind.OWN, is_recorded=is_recorded))
    assert unrecorded() == (0 if is_recorded else 1)
