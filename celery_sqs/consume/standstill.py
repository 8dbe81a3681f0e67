"""How long a worker has been at a standstill: everything waits for an answer of a store or SQS, and none comes."""

from typing import Final, NamedTuple

from celery_sqs import system
from celery_sqs.consume.delivery import Delivery
from celery_sqs.consume.in_flight import InFlight

#: Seconds without any progress after which the worker is at a standstill. A suspect waits for 60 at the most, and
#: what is asked of a store or SQS takes a few.
STANDSTILL_AFTER: Final = 120.0


class Waiting(NamedTuple):
    """What keeps all else from beginning.

    Attributes:
        first: the suspect that is to run now, else the first of what is examined, else the next suspect.
        undecided: how many are looked up, or renewed.
        suspects: how many are to run alone later.
    """

    first: Delivery
    undecided: int
    suspects: int

    def __str__(self) -> str:
        return (
            f"message {self.first.message_id}, which is {self.first.state}, waits for its attempt store or for SQS; "
            f"{self.undecided} are looked up or renewed, {self.suspects} are to run alone later"
        )


class Standstill:
    """What everything waits for. Written by the event loop, and read by the threads of the worker's health.

    Args:
        in_flight: all deliveries.

    Attributes:
        waiting: what keeps all else from beginning; None: nothing does.
    """

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self.waiting: Waiting | None = None
        self._since = system.time.monotonic()

    def note(self, waiting: Waiting | None) -> None:
        """Note what keeps all else from beginning; each change is progress."""
        if waiting != self.waiting or self._is_excused:
            self.waiting, self._since = waiting, system.time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since there was progress; 0 while nothing is waited for, in an outage, and while anything runs."""
        if self._is_excused:
            self._since = system.time.monotonic()  # else that time would count once it ends
        return system.time.monotonic() - self._since

    @property
    def _is_excused(self) -> bool:
        is_idle = self.waiting is None or self._in_flight.suspended
        return is_idle or any(delivery.is_submitted for delivery in self._in_flight.all())
