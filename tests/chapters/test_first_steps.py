"""The examples of Celery's chapter "First steps with Celery", on SQS."""

import pytest
from celery import states

from tests.chapters.canvas import add, raising_task, slow_down, where
from tests.chapters.conftest import WAIT, got
from tests.chapters.proj import LOW
from tests.polling import poll


def test_a_result_is_ready_and_can_be_got():
    result = add.delay(4, 4)
    poll(result.ready, WAIT, "it is ready")
    assert result.get(timeout=1) == 8
    assert result.successful()


def test_the_error_of_a_task_is_raised_where_its_result_is_got():
    result = raising_task.delay()
    with pytest.raises(ValueError, match="something something"):
        got(result)


def test_the_error_is_returned_without_propagate_and_has_its_traceback():
    result = raising_task.delay()
    error = got(result, propagate=False)
    assert (type(error), error.args) == (ValueError, ("something something",))
    assert result.traceback.startswith("Traceback")
    assert "raise ValueError(text)" in result.traceback
    assert result.failed()


def test_a_result_that_is_forgotten_is_not_kept(project):
    result = add.delay(4, 4)
    assert got(result) == 8
    result.forget()
    assert project.app.AsyncResult(result.id).state == states.PENDING


def test_a_task_is_routed_to_a_queue_of_its_own():
    assert got(where.delay()) == LOW


def test_a_task_is_called_no_more_often_than_its_rate_limit_says(project):
    results = [slow_down.delay() for _ in range(3)]
    times = sorted(project.noted("slow_down", result)[0]["at"] for result in results)
    assert times[-1] - times[0] > 0.9
