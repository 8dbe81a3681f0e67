"""The messages in flight: received by this worker, and not settled yet."""

from collections.abc import Sequence
from typing import Final

from celery_sqs import system
from celery_sqs.consume.delivery import Delivery

#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
MAX_RECEIVE: Final = 10


class InFlight:
    """Deliveries by receipt handle, and the room for more of them. Safe for all threads.

    Attributes:
        suspended: whether an outage leaves no room for more, however few are in flight.
        renewed_at: when a message that had been sent over an hour before was last renewed, in seconds since the epoch;
            None: not by this worker.
    """

    def __init__(self) -> None:
        self.changed = system.threading.Condition()
        self.suspended = False
        self.renewed_at: float | None = None
        self._is_exclusive = False
        self._limit = 0
        self._deliveries: dict[str, Delivery] = {}
        self._beside: set[str] = set()

    def __len__(self) -> int:
        return len(self._deliveries)

    def resize(self, limit: int) -> None:
        """Take at most `limit` deliveries; 0, as in AMQP, sets no limit but one answer's worth."""
        with self.changed:
            self._limit = limit or MAX_RECEIVE
            self.changed.notify_all()

    def suspend(self, suspended: bool) -> None:
        """Let no more in, or let them in again."""
        with self.changed:
            self.suspended = suspended
            self.changed.notify_all()

    def reserve(self, is_exclusive: bool) -> None:
        """Let no more in while a suspect runs, or what has come back is not safe yet: they might die with it."""
        if is_exclusive is not self._is_exclusive:
            with self.changed:
                self._is_exclusive = is_exclusive
                self.changed.notify_all()

    def room(self) -> int:
        """How many more deliveries fit."""
        is_closed = self.suspended or self._is_exclusive
        return 0 if is_closed else max(0, self._limit - len(self._deliveries) + len(self._beside))

    def add(self, delivery: Delivery, beside: bool = False) -> bool:
        """Take a delivery in; `beside` the limit, it takes no room from others. False where its handle is in flight."""
        with self.changed:
            is_new = self._deliveries.setdefault(delivery.receipt_handle, delivery) is delivery
            if is_new and beside:
                self._beside.add(delivery.receipt_handle)
            return is_new

    def set_beside(self, delivery: Delivery) -> None:
        """Have a delivery take no room from others from now on."""
        with self.changed:
            if delivery.receipt_handle in self._deliveries:
                self._beside.add(delivery.receipt_handle)

    def get(self, receipt_handle: str) -> Delivery | None:
        """The delivery, if it is still in flight."""
        return self._deliveries.get(receipt_handle)

    def pop(self, receipt_handle: str) -> Delivery | None:
        """Take a delivery out, which makes room for another; None if it is not in flight (any more)."""
        return next(iter(self.pop_all([receipt_handle])), None)

    def pop_all(self, receipt_handles: Sequence[str]) -> list[Delivery]:
        """Take deliveries out; returns those that were in flight."""
        with self.changed:
            popped = [self._deliveries.pop(handle, None) for handle in receipt_handles]
            self._beside.difference_update(receipt_handles)
            # Not for each: a receiver looks by itself often enough, and prefers to ask for many.
            polls = self.room() // MAX_RECEIVE
            if polls or not self._deliveries:
                self.changed.notify(max(1, min(polls, len(receipt_handles))))
            return [delivery for delivery in popped if delivery is not None]

    def all(self) -> list[Delivery]:
        """All deliveries, oldest first."""
        with self.changed:
            return list(self._deliveries.values())
