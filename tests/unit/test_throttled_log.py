"""What happens all the time is logged once in a while."""

import logging

from celery_sqs.throttled_log import ThrottledLog

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
