"""What a stopping worker runs itself rather than release it."""

import pytest
from celery import Celery

from celery_sqs.consume.delivery import State
from celery_sqs.tasks.batch import BatchTask
from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import Kind
from celery_sqs.worker.consumer import Consumer
from tests.unit.deliveries import delivery


class Fragile(BatchTask):
    """Does what its argument says."""

    abstract = True

    def record_attempt(self, attempt):
        """Nowhere."""

    @staticmethod
    def is_outage(error):
        return isinstance(error, ConnectionError)


@pytest.fixture
def task():
    celery = Celery("last", set_as_current=True)

    @celery.task(base=Fragile, bind=True, name="fragile", shared=False)
    def fragile(self, calls):
        errors = {"gone": ConnectionError(), "bad": ValueError("bad"), "good": None}
        if error := errors[calls[0].args[0]]:
            raise error
        return [None]

    return celery.tasks["fragile"]


class NotedRequest:
    """A request that notes what is done with its message, and what is reported of it."""

    def __init__(self, task, value, receive_count):
        self.task = task
        self.notes = []
        self._call = Call("id-1", "m1", [value], {}, receive_count, "w@h", 3)

    def call(self):
        return self._call

    def settle(self, decision):
        self.notes.append(decision and decision.kind)


class StoppingConsumer(Consumer):
    """One without Celery's own beginning, which would connect."""

    def __init__(self, request):
        self._its_request = request

    def _request(self, delivery):
        return self._its_request


def run(task, value, receive_count, *, lost=False):
    """Whether it was run, and what came of it."""
    one = delivery(1)
    one.message["Attributes"] = {"ApproximateReceiveCount": str(receive_count)}
    one.max_receive_count = 3
    if lost:
        one.advance(State.LOST)
    request = NotedRequest(task, value, receive_count)
    return StoppingConsumer(request).run_here(one), request.notes


@pytest.mark.parametrize("receive_count", [2, 3])
def test_what_was_released_before_is_run_and_settled(task, receive_count):
    assert run(task, "good", receive_count) == (True, [None])


def test_a_failure_is_settled_as_one(task):
    assert run(task, "bad", 2) == (True, [Kind.OWN])


@pytest.mark.parametrize("receive_count", [2, 3])
def test_an_outage_is_no_failure_of_the_message(task, receive_count):
    """It costs the receive, as there is no process left to wait in: it is released, and nothing says that it failed."""
    assert run(task, "gone", receive_count) == (False, [])


def test_what_comes_for_the_first_time_is_left_to_others(task):
    assert run(task, "good", 1) == (False, [])


def test_what_is_no_longer_ours_is_left_to_its_new_owner(task):
    assert run(task, "good", 3, lost=True) == (False, [])
