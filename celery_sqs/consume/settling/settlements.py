"""Ending a delivery: its message is deleted, released or renewed, in the batch calls of its queue."""

import functools
from collections.abc import Callable, Sequence
from typing import Final

from celery_sqs import system
from celery_sqs.aws.client import SqsClient
from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.settling.renewer import Renewer
from celery_sqs.consume.settling.settler import Settler
from celery_sqs.message.outgoing import resent
from celery_sqs.message.renewal import renewed

#: Seconds since its first send after which a message's renewal is noted (`InFlight.renewed_at`): of a message that no
#: worker has handed to Celery it may be the only sign of life.
NOTED_AFTER: Final = 60 * 60


class Settlements:
    """Ends the deliveries of all queues, from any thread.

    Args:
        connect: gives a client for calls that may take so many seconds on purpose.
        in_flight: what is ended is taken out of it.
        on_ended: called with the receipt handle of each delivery that is ended.
        on_refused: called with a delivery whose copy SQS will not take; it is `ready` again.
    """

    def __init__(
        self,
        connect: Callable[[float], SqsClient],
        in_flight: InFlight,
        on_ended: Callable[[str], None],
        on_refused: Callable[[Delivery], None],
    ) -> None:
        self._connect = connect
        self._in_flight = in_flight
        self._on_ended = on_ended
        self._on_refused = on_refused
        self._settlers: dict[str, Settler] = {}
        self._renewers: dict[str, Renewer] = {}

    def open(self, queue_url: str) -> None:
        """Be ready for a queue, before its first delivery."""
        if queue_url not in self._settlers:
            self._settlers[queue_url] = Settler(self._connect(0), queue_url)
            self._renewers[queue_url] = Renewer(self._connect(0), queue_url, self._renewed, self._refused, self.drop)

    def is_done(self, delivery: Delivery) -> bool:
        """Whether an earlier delivery of this copy was done, and only its deletion failed."""
        return self._settlers[delivery.queue_url].is_done(delivery)

    def delete(self, delivery: Delivery) -> None:
        """Delete the message."""
        self.delete_all([delivery.receipt_handle])

    def delete_all(self, receipt_handles: Sequence[str]) -> list[Delivery]:
        """Delete the messages of deliveries that are in flight; returns those."""
        deliveries = self._end(receipt_handles)
        by_queue: dict[str, list[Delivery]] = {}
        for delivery in deliveries:
            by_queue.setdefault(delivery.queue_url, []).append(delivery)
        for queue_url, of_queue in by_queue.items():
            self._settlers[queue_url].delete(*of_queue)
        return deliveries

    def release(self, delivery: Delivery, delay: int = 0) -> None:
        """Make the message visible in so many seconds. SQS moves it to the DLQ after its last receive.

        One that is being renewed is left to that: else there would be two copies of it.
        """
        if delivery.state is not State.RENEWING and self.drop(delivery):
            self._settlers[delivery.queue_url].release(delivery, delay)

    def renew(self, delivery: Delivery, records: bool, reason: str) -> None:
        """Send a copy of the message that carries its history, and delete it then.

        Args:
            delivery: the message.
            records: whether its task keeps a record of its attempts.
            reason: why, for the metric: one of a few.
        """
        renewal = delivery.next_renewal(records)
        self._send_copy(delivery, functools.partial(renewed, delivery.message, renewal), reason)

    def renew_unspent(self, delivery: Delivery, reason: str) -> None:
        """Send the message as a new one, which has a failure budget of its own, and delete it then."""
        self._send_copy(delivery, functools.partial(resent, delivery.message, delivery.message["Body"]), reason)

    def _send_copy(self, delivery: Delivery, make: Callable[[], dict[str, object]], reason: str) -> None:
        if self.advance(delivery, State.RENEWING):
            self._renewers[delivery.queue_url].renew(delivery, make, reason)

    def _renewed(self, delivery: Delivery) -> None:
        if system.time.time() - delivery.sent_at / 1000 > NOTED_AFTER:
            self._in_flight.renewed_at = system.time.time()
        self.delete(delivery)

    def _refused(self, delivery: Delivery) -> None:
        delivery.is_renewable = False
        if self.advance(delivery, State.READY):
            self._on_refused(delivery)

    def advance(self, delivery: Delivery, state: State) -> bool:
        """Change the state of a delivery, if it may follow; one whose lease has ended meanwhile takes no room then."""
        has_advanced = delivery.advance(state)
        if not has_advanced and delivery.state is State.LOST:
            self.drop(delivery)
        return has_advanced

    def drop(self, delivery: Delivery) -> bool:
        """Leave the message to its visibility timeout; says whether it was in flight."""
        return bool(self._end([delivery.receipt_handle]))

    def _end(self, receipt_handles: Sequence[str]) -> list[Delivery]:
        for receipt_handle in receipt_handles:
            self._on_ended(receipt_handle)
        deliveries = self._in_flight.pop_all(receipt_handles)
        for delivery in deliveries:
            delivery.advance(State.SETTLED)
        return deliveries

    def close(self, timeout: float) -> None:
        """Send and settle what is waiting; gives up after so many seconds."""
        deadline = system.time.monotonic() + timeout
        # A copy that is sent leaves an old message to delete.
        for renewer in self._renewers.values():
            renewer.close(max(0.0, deadline - system.time.monotonic()))
        for settler in self._settlers.values():
            settler.close(max(0.0, deadline - system.time.monotonic()))
