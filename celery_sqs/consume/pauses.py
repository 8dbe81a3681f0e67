"""Paused queues: nothing is received from them to be run, and what has not begun goes back into the queue.

It goes back as a copy that carries its history, so that no receive is spent, however long the pause lasts. What cannot
be copied, as in a FIFO queue, stays with the worker, leased, and takes no room from other queues. What runs goes on.
"""

import logging
from collections.abc import Callable, Collection

from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.ready import Ready
from celery_sqs.consume.settling.settlements import Settlements
from celery_sqs.consume.settling.unbegun import Unbegun

logger = logging.getLogger(__name__)


class Pauses:
    """The queues of a worker that are paused. Set and asked from any thread; the rest is called on the hub.

    Args:
        in_flight: all deliveries.
        settlements: end deliveries.
        unbegun: returns messages to their queue.
        wake: wakes the hub.

    Attributes:
        queues: their names.
    """

    def __init__(
        self, in_flight: InFlight, settlements: Settlements, unbegun: Unbegun, wake: Callable[[], None]
    ) -> None:
        self.queues: frozenset[str] = frozenset()
        self._in_flight = in_flight
        self._settlements = settlements
        self._unbegun = unbegun
        self._wake = wake
        self._applied = self.queues
        self._kept: list[Delivery] = []

    def set(self, queues: Collection[str]) -> None:
        """Pause these queues and no others. What a poll under way still brings goes back, too."""
        before, self.queues = self.queues, frozenset(queues)
        for queue in sorted(self.queues - before):
            logger.warning("queue %s is paused: nothing is received from it to be run", queue)
        for queue in sorted(before - self.queues):
            logger.warning("queue %s is resumed", queue)
        with self._in_flight.changed:
            self._in_flight.changed.notify_all()
        self._wake()

    def may_poll(self, queue: str) -> bool:
        """Whether a queue is not paused."""
        return queue not in self.queues

    def apply(self, ready: Ready, resume: Callable[[], None]) -> None:
        """Where other queues are paused than at the last call: have what waits looked at again.

        Args:
            ready: what waits to be handed to Celery.
            resume: has Celery look at what it has.
        """
        if self._applied == self.queues:
            return
        self._applied = self.queues
        ready.take_back(self._applied)
        kept, self._kept = self._kept, []
        ready.add(kept)
        resume()

    def divert(self, delivery: Delivery) -> bool:
        """Send a delivery that has not begun back if its queue is paused, or keep it; says whether it is."""
        if delivery.queue not in self.queues:
            return False
        if delivery.is_lost:
            self._settlements.drop(delivery)
        elif not self._unbegun.in_pause(delivery):
            self._settlements.advance(delivery, State.PARKED)
            self._in_flight.set_beside(delivery)
            self._kept.append(delivery)
        return True
