"""Returning what has not begun to run: at a worker's stop, and while its queue is paused."""

from collections.abc import Callable

from celery_sqs.consume.budget import Budget, Step, at_pause, at_stop
from celery_sqs.consume.delivery import Delivery
from celery_sqs.consume.settling.settlements import Settlements


class Unbegun:
    """Renews or releases messages that have not begun. From any thread.

    Args:
        settlements: renew and release.
        records: whether attempts at a message are put on record.
    """

    def __init__(self, settlements: Settlements, records: Callable[[Delivery], bool]) -> None:
        self._settlements = settlements
        self._records = records

    def at_stop(self, delivery: Delivery) -> None:
        """Return a message to its queue as its worker stops."""
        self._send_back(delivery, at_stop, "stop")

    def in_pause(self, delivery: Delivery) -> bool:
        """Return a message to its queue as its queue is paused; False where that would spend a receive."""
        return self._send_back(delivery, at_pause, "pause")

    def _send_back(self, delivery: Delivery, decide: Callable[[Budget], Step], reason: str) -> bool:
        records = self._records(delivery)
        if not records and delivery.attempts is None:
            delivery.count_receives()
        match decide(delivery.budget(records)):
            case Step.RENEW | Step.DEFER:
                self._settlements.renew(delivery, records, reason)
            case Step.RELEASE:
                self._settlements.release(delivery)
            case _:
                return False
        return True
