"""Leases: what is in flight stays hidden from other workers until it is settled, however long its task takes."""

import logging
from typing import Final

from celery_sqs import system
from celery_sqs.aws.batch_call import Failure, batch_call
from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.group_commit import MAX_ENTRIES
from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.consume.heartbeat import Heartbeat
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.threads import Guarded
from celery_sqs.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

#: The share of a visibility timeout that passes before it is extended; the rest is for trying again.
EXTEND_AFTER: Final = 0.5

LOOK_EVERY: Final = 0.25  # seconds


class Leases:
    """Extends the visibility timeout of everything in flight, on a thread of its own.

    The thread belongs to the worker's main process: when that is stopped or dies, so do the leases,
    and SQS hands the messages to others. It does so, too, when the process lives and its event loop has stopped.

    Args:
        sqs: from `celery_sqs.aws.endpoint`.
        in_flight: what to extend.
        heartbeat: of the event loop that is to settle it.
    """

    def __init__(self, sqs: SqsClient, in_flight: InFlight, heartbeat: Heartbeat) -> None:
        self._sqs = sqs
        self._in_flight = in_flight
        self._heartbeat = heartbeat
        self._lost = ThrottledLog(logger, "the lease on a message is lost")
        self._not_extended = ThrottledLog(logger, "the lease on a message is not extended, trying on")
        self._stopped = system.threading.Event()
        self._thread = Guarded(self._run, name="sqs-leases", pause=LOOK_EVERY)

    def start(self) -> None:
        """Begin to extend."""
        self._thread.start()

    def stop(self) -> None:
        """Extend no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_EVERY):
            if not self._heartbeat.has_stopped:
                self.extend_due()

    def extend_due(self) -> None:
        """Extend what has used up its share of the visibility timeout."""
        now = system.time.monotonic()
        due: dict[str, list[Delivery]] = {}
        for delivery in self._in_flight.all():
            if delivery.state is State.LOST:
                continue
            if now >= delivery.leased_until:
                self._lose(delivery, "it has run out")  # the process was stopped, or SQS out of reach for long
            elif _is_due(delivery, now):
                due.setdefault(delivery.queue_url, []).append(delivery)
        for queue_url, deliveries in due.items():
            for start in range(0, len(deliveries), MAX_ENTRIES):
                self._extend(queue_url, deliveries[start : start + MAX_ENTRIES])

    def _extend(self, queue_url: str, deliveries: list[Delivery]) -> None:
        asked_at = system.time.monotonic()
        seconds = [int(min(each.visibility_timeout, each.hideable_until - asked_at)) for each in deliveries]
        entries = [
            {"ReceiptHandle": delivery.receipt_handle, "VisibilityTimeout": timeout}
            for delivery, timeout in zip(deliveries, seconds, strict=True)
        ]
        outcomes = batch_call(self._sqs.change_message_visibility_batch, queue_url, entries)
        for delivery, timeout, outcome in zip(deliveries, seconds, outcomes, strict=True):
            if not isinstance(outcome, Failure):
                delivery.leased_until = asked_at + timeout
            elif outcome.sender_fault:
                self._lose(delivery, outcome.reason)
            # A call that is refused says nothing of the message, which stays hidden: it is made again at the next look.
            else:
                self._not_extended.warning(f"{delivery.message_id}: {outcome.reason}")

    def _lose(self, delivery: Delivery, reason: str) -> None:
        if delivery.advance(State.LOST):  # what has been settled meanwhile has no lease to lose
            self._lost.warning(f"{delivery.message_id}: {reason}")


def _is_due(delivery: Delivery, now: float) -> bool:
    # SQS takes whole seconds: less than one is not to be had any more.
    can_grow = delivery.hideable_until - delivery.leased_until >= 1
    return can_grow and delivery.leased_until - now <= delivery.visibility_timeout * EXTEND_AFTER
