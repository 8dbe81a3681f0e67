"""A standstill: all of a worker waits for an answer, and none comes."""

import time
from collections.abc import Hashable
from typing import Final

from celery_sqs.consume.in_flight import InFlight

#: Seconds without any progress after which the worker counts as standing still. A suspect waits for 60 at the most, and
#: what is asked of a store or SQS takes a few.
STANDS_AFTER: Final = 120.0


class Standstill:
    """Noted by the event loop, and read by the threads that answer for the worker's health.

    Args:
        in_flight: all deliveries.
    """

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._waiting: Hashable = None
        self._since = time.monotonic()

    def note(self, waiting: Hashable) -> None:
        """Note what keeps all else from beginning, in whatever form; each change is progress. None: nothing does."""
        if waiting != self._waiting or self._is_excused:
            self._waiting, self._since = waiting, time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since there was progress; 0 while nothing is waited for, in an outage, and while anything runs."""
        if self._is_excused:
            self._since = time.monotonic()  # else it would seem to have stood still when that ends
        return time.monotonic() - self._since

    @property
    def _is_excused(self) -> bool:
        is_idle = self._waiting is None or self._in_flight.suspended
        return is_idle or any(delivery.is_submitted for delivery in self._in_flight.all())
