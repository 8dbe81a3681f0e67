"""`Prefer: wait` of RFC 7240, as clients spell it."""

import time

import pytest

from app.following import wait_preferred


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("wait=10", 10),
        ("wait=0", 0),
        ("WAIT = 10", 10),
        ('wait="10"', 10),
        ("respond-async, wait=10", 10),
        ('foo="a, wait=3", wait=10; bar', 10),
        ("wait=10;x=y, return=minimal", 10),
        ("wait=1, wait=2", 1),
        ("wait=99999", 99999),
        ("wait", None),
        ("wait=", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=\u0661", None),
        ("wait=99999999999999", 999_999_999),
        ("wait=" + "9" * 5000, 999_999_999),
        ("wait=1" + "0" * 99, 100_000_000),
        ("wait=" + "0" * 99 + "7", 7),
        ("wait=" + "0" * 99, 0),
        ("waiting=3", None),
        ('"', None),
    ],
)
def test_the_seconds_are_read_and_whatever_is_none_is_ignored(header, seconds):
    assert wait_preferred(header) == seconds


def test_a_header_as_long_as_any_may_be_takes_no_longer_for_its_zeros():
    before = time.process_time()
    assert wait_preferred("wait=" + "0" * 8000 + "x") is None
    assert time.process_time() - before < 0.1
