"""What the channel asks of the worker that it belongs to."""

from typing import Any

from celery_sqs.consume.budget import after_receive
from celery_sqs.consume.delivery import Delivery


class Owner:
    """The answers for a channel without a worker of ours: receives are the budget, and nothing is recorded.

    `celery_sqs.worker.owner` has those of a worker. But for `examine` and `begin`, which the event loop calls, they are
    asked for from any thread.

    Args:
        channel: the transport's.
    """

    def __init__(self, channel: Any) -> None:
        self.channel = channel

    def is_cold_shutdown(self) -> bool:
        """Whether the end is not to wait for polls under way."""
        return False

    def resume(self) -> None:
        """What has waited for others to run alone, or to be examined, may begin."""

    def is_revoked(self, delivery: Delivery) -> bool:
        """Whether the call of a message was revoked."""
        return False

    def records(self, delivery: Delivery) -> bool:
        """Whether attempts at a message are put on record."""
        return False

    def examine(self, deliveries: list[Delivery]) -> None:
        """Look up what is on record of messages that have come back; `Channel.proceed` is called for each."""
        for delivery in deliveries:
            delivery.count_receives()
            self.channel.proceed(delivery, after_receive(delivery.budget(records=False)), records=False)

    def begin(self, delivery: Delivery) -> None:
        """Put on record that an attempt begins; `Channel.begin` is called then."""
        self.channel.begin(delivery)

    def withdraw(self, delivery: Delivery) -> None:
        """Take the record back of an attempt that had begun and has not failed, if there is one."""

    def bury(self, delivery: Delivery, error: Exception) -> None:
        """Nobody can run a message: it is released, and by redrive in the DLQ."""
        self.channel.release(delivery.receipt_handle, 0)
