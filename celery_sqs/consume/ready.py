"""Which deliveries may go on to Celery now.

What has come back is examined first: nothing begins in this worker before it is known, and safe. Then suspects run, one
at a time and nothing else meanwhile, so that whatever kills the worker is known by name. Then the others.
"""

import collections
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, Protocol

from celery_sqs import system
from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.standstill import Standstill, Waiting

#: Seconds that a suspect waits for running tasks at the most, while everything else waits for it. Then it runs beside
#: them, so that a task of hours does not stop the worker.
LONGEST_WAIT: Final = 60.0

#: The states of a delivery that was renewed while it waited.
_ENDING: Final = frozenset({State.RENEWING, State.SETTLED})


class Receiving(Protocol):
    """What is asked of a receiver."""

    @property
    def is_receiving(self) -> bool:
        """Whether a poll is under way."""


class Ready:
    """The deliveries that wait for the worker's event loop. Added from any thread, taken on the hub.

    Args:
        in_flight: all deliveries.
        receivers: those that receive more, by queue.
        examine: called with those that have come back; each is added again when it is examined, or ended.

    Attributes:
        standstill: for how long nothing could begin.
    """

    def __init__(
        self, in_flight: InFlight, receivers: Mapping[str, Receiving], examine: Callable[[list[Delivery]], None]
    ) -> None:
        self.standstill = Standstill(in_flight)
        self._in_flight = in_flight
        self._receivers = receivers
        self._examine = examine
        self._arrived: collections.deque[Delivery] = collections.deque()
        self._waiting: collections.deque[Delivery] = collections.deque()
        self._suspects: collections.deque[Delivery] = collections.deque()
        self._undecided: dict[Delivery, None] = {}  # in the order of their arrival
        self._alone: Delivery | None = None
        self._waiting_since: float | None = None  # when the first of these suspects found others running

    def add(self, deliveries: Iterable[Delivery]) -> None:
        """Add what was received, or parked."""
        self._arrived.extend(deliveries)

    @property
    def is_exclusive(self) -> bool:
        """Whether nothing but what has begun already, and a suspect, may run."""
        return bool(self._undecided or self._suspects or self._alone)

    def take_back(self, queues: Collection[str]) -> None:
        """Have `sort` look once more at what waits and is of these queues."""
        for waiting in (self._waiting, self._suspects):
            of_queues = [delivery for delivery in waiting if delivery.queue in queues]
            for delivery in of_queues:
                waiting.remove(delivery)
            self._arrived.extend(of_queues)

    def sort(self, is_outage: bool, divert: Callable[[Delivery], bool] = lambda _: False) -> None:
        """Have what has come back examined, and put the rest where it waits; what is parked stays so in an outage.

        Args:
            is_outage: whether there is one.
            divert: takes what is of a paused queue, and says whether it has.
        """
        returned, parked = [], []
        while self._arrived:
            delivery = self._arrived.popleft()
            self._undecided.pop(delivery, None)
            if delivery.state in _ENDING:
                continue
            if divert(delivery):
                continue
            if delivery.state is State.PARKED and is_outage:
                parked.append(delivery)
                continue
            if delivery is self._alone:  # the outage is over, or SQS has not confirmed its copy
                self._alone = None
            if delivery.state is State.PARKED and delivery.begun is not None:
                # Its record is withdrawn before anything else begins, as that may end this worker.
                delivery.attempts = None
            delivery.advance(State.READY)
            if delivery.attempts is None:
                returned.append(delivery)
            else:
                (self._suspects if delivery.is_alone else self._waiting).append(delivery)
        self._arrived.extend(parked)
        if returned:
            self._undecided |= dict.fromkeys(returned)
            self._examine(returned)
        self._undecided = {each: None for each in self._undecided if self._is_in_flight(each)}
        if self._alone is not None and (self._alone.state is State.PARKED or not self._is_in_flight(self._alone)):
            self._alone = None
        self._in_flight.reserve(self.is_exclusive)
        self.standstill.note(self._waited_for())

    def _waited_for(self) -> Waiting | None:
        first = self._alone or min(self._undecided, key=_received_at, default=None) or next(iter(self._suspects), None)
        return None if first is None else Waiting(first, len(self._undecided), len(self._suspects))

    def next_suspect(self) -> Delivery | None:
        """A suspect that may begin now, and is reserved: all is examined, nothing runs, and nothing is received.

        What a poll still brought might be on its last receive, and not renewed before the suspect ends this worker.
        """
        if not self._suspects:
            self._waiting_since = None
        if self._undecided or self._alone or not self._suspects:
            return None
        if self._is_busy() and not self._has_waited_enough():
            return None
        while self._suspects and self._alone is None:
            suspect = self._suspects.popleft()
            if not suspect.is_lost and suspect.advance(State.RESERVED):
                self._alone = suspect
            elif suspect.is_lost:
                self._examine([suspect])
        return self._alone

    def _is_busy(self) -> bool:
        is_receiving = any(receiver.is_receiving for receiver in list(self._receivers.values()))
        return is_receiving or any(delivery.is_submitted for delivery in self._in_flight.all())

    def _has_waited_enough(self) -> bool:
        now = system.time.monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        return now - self._waiting_since >= LONGEST_WAIT

    def next(self) -> Delivery | None:
        """One of the others that may go on now."""
        return self._waiting.popleft() if self._waiting and not self.is_exclusive else None

    def _is_in_flight(self, delivery: Delivery) -> bool:
        """Whether others wait for it, as it is in flight still. What is lost is another worker's to decide."""
        return self._in_flight.get(delivery.receipt_handle) is delivery and not delivery.is_lost


def _received_at(delivery: Delivery) -> float:
    return delivery.received_at
