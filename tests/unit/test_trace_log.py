"""A failed attempt is one log line, and an ERROR if it is the last: Celery's own lines of it are dropped, no others."""

import logging

import pytest
from celery import Celery, Task
from celery.app import trace
from celery.exceptions import Retry
from celery.signals import task_failure

import celery_sqs
from celery_sqs.message.wire import MAX_RECEIVE_COUNT, RECEIVE_COUNT
from celery_sqs.tasks import attempt_log
from celery_sqs.tasks.decision import MAX_LONG, Kind
from celery_sqs.tasks.outcomes.tracer import make_tracer

REQUEST = {"id": "id", "message_id": "message", "hostname": "w@h", RECEIVE_COUNT: 1, MAX_RECEIVE_COUNT: 3}
LAST = {**REQUEST, RECEIVE_COUNT: 3, "retries": 2}


@pytest.fixture
def app():
    celery = Celery("logging", set_as_current=False)
    celery_sqs.setup(celery, queues={"mail": "https://sqs.eu-central-1.amazonaws.com/123456789012/mail"})
    yield celery
    celery.close()


@pytest.fixture
def logged(app, caplog):
    """A function that runs a task's function in Celery's tracer and returns the lines."""

    def logged(run, request=REQUEST, **options):
        task = app.task(name="jobs.one", shared=False, bind=True, **options)(run)
        with caplog.at_level(logging.INFO), caplog.at_level(logging.INFO, trace.__name__):
            trace.build_tracer(task.name, task, app=app)("id", [], {}, dict(request))
        return caplog.records

    return logged


def test_a_failed_attempt_is_one_line_with_its_traceback(logged):
    [line] = logged(_fail)
    assert line.getMessage() == "attempt failed: receive 1 of jobs.one[id]: LookupError: no such address"
    assert "in _fail" in logging.Formatter().format(line)
    assert (line.kind, line.final, line.task, line.levelname) == ("own", False, "jobs.one", "WARNING")


def test_an_error_of_many_megabytes_is_cut_before_it_is_logged(logged):
    [line] = logged(_quote_a_message)
    text = logging.Formatter().format(line)
    assert "in _quote_a_message" in text
    assert len(text) + len(line.error) < 3 * MAX_LONG + 1000


@pytest.mark.parametrize(
    ("hook", "text"),
    [
        ("log_context", "what the logs of a call of jobs.one carry is not known: ValueError: xxx"),
        ("is_outage", "whether LookupError: no such address is an outage is not known: ValueError: xxx"),
        ("put_on_record", "the failed attempt could not be recorded: ValueError: xxx"),
    ],
)
def test_a_hook_whose_error_quotes_a_message_is_logged_without_its_traceback(logged, hook, text):
    found = [line for line in logged(_fail, **{hook: _quote_a_message}) if "attempt failed" not in line.getMessage()]
    assert found
    for line in found:
        assert line.getMessage().startswith(text)
        assert line.levelname == "ERROR"
        assert len(logging.Formatter().format(line)) < MAX_LONG + 200


def test_nor_is_that_of_a_hook_of_celerys(app, caplog):
    task = app.task(name="jobs.one", shared=False, bind=True, on_retry=_quote_a_message)(_fail)
    make_tracer(task)("id", [], {}, dict(REQUEST))
    _, line = caplog.records
    assert line.getMessage().startswith("the state RETRY of jobs.one[id] is not reported completely: ValueError: xxx")
    assert len(logging.Formatter().format(line)) < MAX_LONG + 200


def test_a_hook_that_fails_while_an_error_that_quotes_a_message_is_handled_is_logged_so_too(logged):
    lines = logged(_quote_a_message, log_context=lambda *_: _fail(None))
    assert [len(logging.Formatter().format(line)) < 3 * MAX_LONG for line in lines] == [True, True]
    assert lines[0].getMessage().endswith("is not known: LookupError: no such address")


def test_what_a_task_says_of_a_retry_is_cut(logged):
    [line] = logged(_ask_with_a_message)
    assert len(logging.Formatter().format(line)) < MAX_LONG + 200


def test_the_last_one_is_an_error(logged):
    [line] = logged(_fail, LAST)
    assert line.getMessage() == "attempt failed: receive 3 of jobs.one[id]: LookupError: no such address"
    assert (line.levelname, line.final) == ("ERROR", True)


@pytest.mark.parametrize("request_of", [REQUEST, LAST])
def test_what_a_task_throws_is_expected(logged, request_of):
    [line] = logged(_fail, request_of, throws=(LookupError,))
    assert line.levelname == "INFO"


def test_an_attempt_that_a_task_asks_for_is_no_failure(logged):
    [line] = logged(_poll)
    assert line.getMessage() == "another attempt asked for: receive 1 of jobs.one[id]: Retry in 1s"
    assert (line.levelname, line.exc_info) == ("INFO", None)


@pytest.mark.parametrize("run", ["_fail", "_retry", "_poll", "_ask_without_celery", "_give_a_reason"])
def test_the_error_in_the_last_line_is_the_one_that_tracers_see(logged, run):
    """By this Sentry knows that it is the same."""
    seen = []

    def see(exception, **_):
        seen.append(exception)

    task_failure.connect(see, weak=False)
    try:
        [line] = logged(globals()[run], LAST)
    finally:
        task_failure.disconnect(see)
    assert line.levelname == "ERROR"
    assert [line.exc_info[1]] == seen


def test_an_attempt_that_an_outage_keeps_from_being_recorded_has_not_failed(logged):
    def away(self, attempt):
        raise ConnectionError("no store")

    assert logged(_fail, LAST, put_on_record=away, is_outage=lambda _, error: isinstance(error, ConnectionError)) == []


def test_a_hook_of_the_author_that_fails_keeps_no_attempt_from_being_one(logged):
    def broken(self, *args):
        raise KeyError("no such field")

    hook, line = logged(_fail, LAST, log_context=broken)
    assert hook.getMessage() == "what the logs of a call of jobs.one carry is not known"
    assert line.getMessage() == "attempt failed: receive 3 of jobs.one[id]: LookupError: no such address"
    assert (line.kind, line.final) == ("own", True)


def test_a_field_of_the_author_named_as_one_of_every_line_has_a_prefix(logged):
    def context(self, *args):
        return {"name": "Ada", "message": "hello", "args": 1, "module": "m", "asctime": "noon", "order": 7}

    [line] = logged(_fail, LAST, log_context=context)
    assert (line.context_name, line.context_message, line.context_args, line.order) == ("Ada", "hello", 1, 7)
    assert (line.context_module, line.context_asctime) == ("m", "noon")
    assert line.getMessage() == "attempt failed: receive 3 of jobs.one[id]: LookupError: no such address"
    assert (line.name, line.final) == ("celery_sqs.tasks.attempt_log", True)


def test_an_attempt_that_cannot_be_logged_is_no_outage_and_goes_its_way_unrecorded(app, caplog):
    def broken(record):
        raise LookupError("no such field")

    task = app.task(name="jobs.one", shared=False, bind=True)(_fail)
    lines = logging.getLogger(attempt_log.__name__)
    lines.addFilter(broken)
    try:
        info = make_tracer(task)("id", [], {}, dict(LAST))[1]
    finally:
        lines.removeFilter(broken)
    assert (info.state, type(info.retval)) == ("FAILURE", LookupError)
    assert (info.decision.kind, info.decision.final, info.decision.is_recorded) == (Kind.OWN, True, False)
    [line] = caplog.records
    assert line.getMessage() == "a failed attempt of jobs.one[id] is not recorded or not logged"


def test_nor_does_an_error_whose_text_cannot_be_had(logged):
    [line] = logged(_fail_without_text, LAST)
    assert line.getMessage() == "attempt failed: receive 3 of jobs.one[id]: Textless, whose text raises KeyError"
    assert (line.kind, line.final) == ("own", True)


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


def test_so_has_a_run_without_a_message(app, caplog):
    with caplog.at_level(logging.INFO, trace.__name__):
        app.task(name="jobs.one", shared=False, bind=True)(_fail).apply()
    [line] = caplog.records
    assert (line.name, line.levelname) == ("celery.app.trace", "ERROR")


def test_a_success_has_celerys_line(logged):
    [line] = logged(_send)
    assert line.getMessage().startswith("Task jobs.one[id] succeeded")


class Textless(Exception):
    def __str__(self):
        raise KeyError("no text")


def _fail_without_text(self):
    raise Textless


def _ask_with_a_message(self):
    raise Retry("x" * 1024 * 1024)


def _quote_a_message(*_, **__):
    raise ValueError("x" * 8_000_000)


def _fail(self):
    raise LookupError("no such address")


def _poll(self):
    raise self.retry(countdown=1)


def _ask_without_celery(self):
    raise Retry(when=1)


def _give_a_reason(self):
    raise Retry(exc=LookupError("not yet"), when=1)


def _send(self):
    return "sent"


def _retry(self):
    raise self.retry(exc=LookupError("not yet"), countdown=1)
