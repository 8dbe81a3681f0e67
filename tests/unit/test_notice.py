"""What happens all the time is said once in a while."""

import logging

from celery_sqs.throttled_log import ThrottledLog

LOGGER = logging.getLogger("noticed")


def _said(caplog):
    return [record.getMessage() for record in caplog.records]


def test_the_first_time_is_said_at_once(caplog):
    ThrottledLog(LOGGER, "it rains").tell("here")
    assert _said(caplog) == ["it rains (1 since last said): here"]


def test_a_thousand_times_are_one_line(caplog):
    notice = ThrottledLog(LOGGER, "it rains")
    for number in range(1000):
        notice.tell(str(number))
    assert len(_said(caplog)) == 1


def test_the_next_line_sums_up(caplog):
    notice = ThrottledLog(LOGGER, "it rains", interval=0.05)
    for _ in range(5):
        notice.tell("here")
    while len(_said(caplog)) < 2:
        notice.tell("there")
    counted = int(_said(caplog)[1].split("(")[1].split()[0])
    assert counted >= 5
