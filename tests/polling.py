"""Waiting for something to become true, without sleeping longer than it takes."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

PAUSE: Final = 0.05  # seconds between two looks


def poll(look: Callable[[], T], timeout: float, what: str) -> T:
    """The first true value that `look` returns; fails when `timeout` seconds pass without one."""
    deadline = time.monotonic() + timeout
    while not (value := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}; last seen: {value!r}")
        time.sleep(PAUSE)
    return value
