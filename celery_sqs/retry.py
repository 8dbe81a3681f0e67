"""Trying again: how long to wait before, and until when."""

import random
from collections.abc import Callable
from typing import Final, TypeVar

from celery_sqs import system

T = TypeVar("T")

#: A float has no room for 2 ** 1024, and an outage may last.
MAX_DOUBLINGS: Final = 30


def pause(failures: int, first: float, longest: float) -> float:
    """Seconds to wait after so many failures: twice as long each time, up to a limit, with jitter.

    Args:
        failures: how many there have been before this one.
        first: seconds after the first, at the most.
        longest: seconds, at the most, however many there were.
    """
    ceiling = min(longest, first * 2 ** min(failures, MAX_DOUBLINGS))
    # At least half, so that a failing service is not asked in bursts.
    return random.uniform(ceiling / 2, ceiling)


def retry(
    call: Callable[[], T], may_pass: Callable[[Exception], bool], *, deadline: float, first: float, longest: float
) -> T:
    """Make a call, and again while it fails with what may pass; returns what it returns.

    Args:
        call: what to do.
        may_pass: whether it may succeed after such an error.
        deadline: seconds from now after which no further try begins.
        first: seconds before the second try, at the most; doubles from there.
        longest: seconds before any try, at the most.

    Raises:
        Exception: what the last try raised.
    """
    end, failures = system.time.monotonic() + deadline, 0
    while True:
        try:
            return call()
        except Exception as error:
            wait = pause(failures, first, longest)
            if not may_pass(error) or system.time.monotonic() + wait > end:
                raise
        system.time.sleep(wait)
        failures += 1
