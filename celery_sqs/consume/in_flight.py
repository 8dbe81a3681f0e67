"""The messages that this worker holds: received, and not settled yet."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
MAX_RECEIVE: Final = 10


@dataclass(eq=False, slots=True)
class Delivery:
    """A message that was handed to us, and until when it is ours.

    Attributes:
        message: the entry of ReceiveMessage's answer.
        queue: the queue's name.
        queue_url: the queue's URL.
        visibility_timeout: seconds that the queue hides a message it has handed out.
        leased_until: when it is visible to others again, on the monotonic clock.
        received_at: when it came, on the monotonic clock.
        lost: whether SQS has said that it is no longer ours.
        delay: seconds until it is visible again once it is rejected; None leaves that to its visibility timeout.
    """

    message: Any
    queue: str
    queue_url: str
    visibility_timeout: float
    leased_until: float
    received_at: float = field(default_factory=time.monotonic)
    lost: bool = False
    delay: int | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it may be in somebody else's hands by now."""
        return self.lost or time.monotonic() >= self.leased_until

    @property
    def receipt_handle(self) -> str:
        """What SQS wants to be shown for everything that concerns this delivery."""
        handle: str = self.message["ReceiptHandle"]
        return handle

    @property
    def message_id(self) -> str:
        """The message's id, the same for each of its deliveries."""
        message_id: str = self.message.get("MessageId", "")
        return message_id

    @property
    def receive_count(self) -> int:
        """How often SQS has handed out the message, this time included; 1 where it does not say."""
        try:
            return max(1, int(self.message["Attributes"]["ApproximateReceiveCount"]))
        except (LookupError, TypeError, ValueError):
            return 1


class InFlight:
    """Deliveries by receipt handle, and the room for more of them. Safe for all threads.

    Attributes:
        suspended: whether there is no room for more, however few are held.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.suspended = False
        self._limit = 0
        self._deliveries: dict[str, Delivery] = {}

    def __len__(self) -> int:
        return len(self._deliveries)

    def resize(self, limit: int) -> None:
        """Hold at most `limit` deliveries; 0, as in AMQP, sets no limit but one answer's worth."""
        with self.changed:
            self._limit = limit or MAX_RECEIVE
            self.changed.notify_all()

    def suspend(self, suspended: bool) -> None:
        """Let no more in, or let them in again."""
        with self.changed:
            self.suspended = suspended
            self.changed.notify_all()

    def room(self) -> int:
        """How many more deliveries fit."""
        return 0 if self.suspended else max(0, self._limit - len(self._deliveries))

    def add(self, delivery: Delivery) -> None:
        """Take a delivery in."""
        with self.changed:
            self._deliveries[delivery.receipt_handle] = delivery

    def get(self, receipt_handle: str) -> Delivery | None:
        """The delivery, if it is still held."""
        return self._deliveries.get(receipt_handle)

    def pop(self, receipt_handle: str) -> Delivery | None:
        """Let go of a delivery, which makes room for another; None if it is not held (any more)."""
        with self.changed:
            delivery = self._deliveries.pop(receipt_handle, None)
            # Not for each: a receiver looks by itself often enough, and prefers to ask for many.
            if not self._deliveries or self.room() >= MAX_RECEIVE:
                self.changed.notify()
            return delivery

    def all(self) -> list[Delivery]:
        """All deliveries, oldest first."""
        with self.changed:
            return list(self._deliveries.values())
