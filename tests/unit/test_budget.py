"""The decisions on a message, branch by branch."""

import pytest

from celery_sqs.consume.budget import Budget, Step, after_receive, at_stop, is_suspect_next

AFTER_RECEIVE = [
    ("no redrive policy", {"receives": 9, "max_receives": None}, Step.RUN),
    ("the first receive", {"receives": 1}, Step.RUN),
    ("nothing known", {"receives": 2, "attempts": None}, Step.PARK),
    ("nothing known, the last receive", {"receives": 3, "attempts": None}, Step.RENEW),
    ("nothing known, the last receive, FIFO", {"receives": 3, "attempts": None, "is_renewable": False}, Step.PARK),
    ("spent", {"receives": 2, "attempts": 3, "explained": 1}, Step.GIVE_UP),
    ("spent, and redriven", {"receives": 1, "attempts": 3, "is_resent": True}, Step.RENEW_UNSPENT),
    ("spent, by another copy", {"receives": 1, "attempts": 3}, Step.GIVE_UP),
    ("spent, redriven once more", {"receives": 2, "attempts": 3, "is_resent": True}, Step.GIVE_UP),
    ("spent when sent", {"receives": 1, "attempts": 3, "attempts_before": 3, "is_resent": True}, Step.GIVE_UP),
    ("unknown when sent", {"receives": 1, "attempts": 3, "attempts_before": None, "is_resent": True}, Step.GIVE_UP),
    ("no record is kept", {"receives": 3, "attempts": 2, "records": False}, Step.RUN),
    ("no record is kept, a suspect", {"receives": 2, "records": False, "is_suspect": True}, Step.RUN_ALONE),
    ("no record is kept, spent", {"receives": 1, "attempts": 3, "is_resent": True, "records": False}, Step.GIVE_UP),
    ("unexplained", {"receives": 2}, Step.RENEW),
    ("unexplained, FIFO", {"receives": 2, "is_renewable": False}, Step.RUN_ALONE),
    ("explained by another copy's attempt", {"receives": 2, "attempts": 1}, Step.RENEW),
    ("explained", {"receives": 2, "attempts": 1, "explained": 1}, Step.RUN),
    ("the last receive with attempts left", {"receives": 3, "attempts": 2, "explained": 2}, Step.RENEW),
    ("the only receive", {"receives": 1, "max_receives": 1}, Step.RUN),
    ("a suspect", {"receives": 1, "is_suspect": True}, Step.RUN_ALONE),
    ("a suspect that comes back", {"receives": 2, "is_suspect": True, "attempts": 1, "explained": 1}, Step.RENEW),
    ("not due", {"receives": 1, "is_due": False}, Step.DEFER),
    ("not due, unexplained, a suspect", {"receives": 3, "is_suspect": True, "is_due": False}, Step.DEFER),
    ("not due, nothing known", {"receives": 2, "attempts": None, "is_due": False}, Step.DEFER),
    ("not due, no redrive policy", {"receives": 9, "max_receives": None, "is_due": False}, Step.DEFER),
    ("not due, FIFO", {"receives": 1, "is_renewable": False, "is_due": False}, Step.POSTPONE),
]
AT_STOP = [
    ("no redrive policy", {"receives": 9, "max_receives": None}, Step.RELEASE),
    ("FIFO", {"receives": 1, "is_renewable": False}, Step.RELEASE),
    ("spent", {"receives": 2, "attempts": 3}, Step.RELEASE),
    ("the first receive", {"receives": 1}, Step.RENEW),
    ("nothing known", {"receives": 2, "attempts": None}, Step.RENEW),
    ("no record is kept", {"receives": 2, "attempts": 1, "records": False}, Step.RELEASE),
    ("no record is kept, the last receive", {"receives": 3, "attempts": 2, "records": False}, Step.RENEW),
    ("no record is kept, a copy's last attempt", {"receives": 1, "attempts": 2, "records": False}, Step.RENEW),
    ("no record is kept, the only receive", {"receives": 1, "max_receives": 1, "records": False}, Step.RENEW),
    ("not due", {"receives": 1, "is_due": False}, Step.DEFER),
    ("not due, no record is kept", {"receives": 1, "records": False, "is_due": False}, Step.DEFER),
    ("not due, FIFO", {"receives": 1, "is_renewable": False, "is_due": False}, Step.RELEASE),
]
SUSPECT_NEXT = [
    ("the first receive", {"receives": 1}, False),
    ("unexplained", {"receives": 2}, True),
    ("nothing known", {"receives": 2, "attempts": None}, True),
    ("nothing known, the first receive", {"receives": 1, "attempts": None}, False),
    ("explained", {"receives": 3, "attempts": 2, "explained": 2}, False),
    ("explained, and a suspect", {"receives": 2, "attempts": 1, "explained": 1, "is_suspect": True}, True),
    ("no record is kept", {"receives": 2, "records": False}, False),
]


def table(rows):
    return pytest.mark.parametrize(("known", "expected"), [pytest.param(*row[1:], id=row[0]) for row in rows])


@table(AFTER_RECEIVE)
def test_what_follows_a_receive(known, expected):
    assert after_receive(Budget(**{"max_receives": 3} | known)) is expected


@table(AT_STOP)
def test_what_a_stopping_worker_does(known, expected):
    assert at_stop(Budget(**{"max_receives": 3} | known)) is expected


@table(SUSPECT_NEXT)
def test_whose_next_copy_is_a_suspect(known, expected):
    assert is_suspect_next(Budget(**{"max_receives": 3} | known)) is expected
