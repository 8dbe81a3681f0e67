"""A failed attempt is one log line with its traceback: Celery's own lines of it are dropped, and no others."""

import logging

import pytest
from celery import Celery, Task
from celery.app import trace

import celery_sqs
from celery_sqs.message.wire import MAX_RECEIVE_COUNT, RECEIVE_COUNT

REQUEST = {"id": "id", "message_id": "message", "hostname": "w@h", RECEIVE_COUNT: 1, MAX_RECEIVE_COUNT: 3}


@pytest.fixture
def app():
    celery = Celery("logging", set_as_current=False)
    celery_sqs.setup(celery, queues={"mail": "https://sqs.eu-central-1.amazonaws.com/123456789012/mail"})
    yield celery
    celery.close()


@pytest.fixture
def logged(app, caplog):
    """A function that runs a task's function in Celery's tracer and returns the lines."""

    def logged(run, **options):
        task = app.task(name="jobs.one", shared=False, bind=True, **options)(run)
        with caplog.at_level(logging.INFO), caplog.at_level(logging.INFO, trace.__name__):
            trace.build_tracer(task.name, task, app=app)("id", [], {}, dict(REQUEST))
        return caplog.records

    return logged


def test_a_failed_attempt_is_one_line_with_its_traceback(logged):
    [line] = logged(_fail)
    assert line.getMessage() == "attempt failed: receive 1 of jobs.one[id]: LookupError: no such address"
    assert "in _fail" in logging.Formatter().format(line)
    assert (line.kind, line.final, line.task) == ("own", False, "jobs.one")


def test_so_is_an_attempt_that_gave_up(logged):
    [line] = logged(_retry)
    assert line.getMessage() == "attempt failed: receive 1 of jobs.one[id]: LookupError: not yet"


def test_an_error_that_the_author_expects_is_none_in_the_log_and_has_no_traceback(logged):
    [line] = logged(_fail, throws=(LookupError,))
    assert line.getMessage() == "attempt failed: receive 1 of jobs.one[id]: LookupError: no such address"
    assert (line.levelname, line.exc_info) == ("INFO", None)


def test_a_task_of_another_class_has_celerys_line(logged):
    [line] = logged(_fail, base=Task)
    assert line.name == "celery.app.trace"


def test_a_success_has_celerys_line(logged):
    [line] = logged(_send)
    assert line.getMessage().startswith("Task jobs.one[id] succeeded")


def _fail(self):
    raise LookupError("no such address")


def _send(self):
    return "sent"


def _retry(self):
    raise self.retry(exc=LookupError("not yet"), countdown=1)
