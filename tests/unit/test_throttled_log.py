"""What happens all the time is logged once in a while."""

import logging

import pytest

from celery_sqs.errors import CallFailed
from celery_sqs.throttled_log import MAX_KINDS, ThrottledLog, kind_of

LOGGER = logging.getLogger("throttled")


def _lines(caplog):
    return [record.getMessage() for record in caplog.records]


def test_the_first_time_is_lines_at_once(caplog):
    ThrottledLog(LOGGER, "it rains").warning("here")
    assert _lines(caplog) == ["it rains (1 since the last line): here"]


def test_a_thousand_times_are_one_line(caplog):
    log = ThrottledLog(LOGGER, "it rains")
    for number in range(1000):
        log.warning(str(number))
    assert len(_lines(caplog)) == 1


def test_the_next_line_sums_up(caplog):
    log = ThrottledLog(LOGGER, "it rains", interval=0.05)
    for _ in range(5):
        log.warning("here")
    while len(_lines(caplog)) < 2:
        log.warning("there")
    counted = int(_lines(caplog)[1].split("(")[1].split()[0])
    assert counted >= 5


def test_each_kind_has_a_line_at_once(caplog):
    log = ThrottledLog(LOGGER, "it rains")
    for kind in ["cats", "dogs", "cats", "dogs", "cats"]:
        log.warning(kind, kind)
    assert _lines(caplog) == ["it rains (1 since the last line): cats", "it rains (1 since the last line): dogs"]


def test_endless_kinds_are_few_lines(caplog):
    log = ThrottledLog(LOGGER, "it rains")
    for number in range(1000):
        log.warning(str(number), number)
    assert len(_lines(caplog)) <= MAX_KINDS + 1


def test_after_the_end_of_a_series_the_next_event_is_a_line(caplog):
    log = ThrottledLog(LOGGER, "it rains")
    assert not log.end()
    log.warning("here")
    assert log.end()
    log.warning("there")
    assert len(_lines(caplog)) == 2


def test_an_error_has_its_traceback(caplog):
    with pytest.raises(LookupError) as raised:
        {}["as ordered"]
    ThrottledLog(LOGGER, "it rains").error("here", error=raised.value)
    assert caplog.records[0].levelname == "ERROR"
    assert "as ordered" in caplog.text


def test_errors_are_told_apart_by_what_sqs_calls_them_and_not_by_their_texts():
    def caused(cause):
        error = CallFailed("no answer")
        error.__cause__ = cause
        return error

    assert kind_of(CallFailed("a", "AccessDenied", 403)) == kind_of(CallFailed("b", "AccessDenied", 403))
    assert kind_of(CallFailed("a", "AccessDenied", 403)) != kind_of(CallFailed("a", "ExpiredToken", 403))
    assert kind_of(CallFailed("a", "", 502)) != kind_of(CallFailed("a", "", 503))
    assert kind_of(caused(OSError())) != kind_of(caused(ValueError()))
