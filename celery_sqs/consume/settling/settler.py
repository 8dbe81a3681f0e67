"""Settling: deleting the messages that are done and releasing the others, in batch calls.

A settlement that fails costs a redelivery, no more. A message that is done but could not be deleted
is remembered, so that its next delivery is deleted without running again.
"""

import collections
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from celery_sqs import system
from celery_sqs.aws.batch_call import Failure, batch_call
from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.group_commit import Full, GroupCommit, Limits
from celery_sqs.consume.delivery import Delivery
from celery_sqs.retry import pause
from celery_sqs.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

#: Nobody waits for a settlement, so it may wait for others. As many calls as there are polls: with half of them,
#: deletes fell two seconds behind at 30 ms a call, and what is not deleted comes again after a crash.
LIMITS: Final = Limits(linger=0.02, concurrency=8, capacity=100_000)

FIRST_PAUSE: Final = 0.1  # seconds before the second try, at the most; doubles from there
LONGEST_PAUSE: Final = 2.0  # seconds

#: Ids of the copies of done messages that could not be deleted, the newest.
MAX_REMEMBERED: Final = 10_000


@dataclass(eq=False, slots=True)
class _Settlement:
    delivery: Delivery
    delay: int = 0  # seconds until the message is visible again; of releases only
    tries: int = 0


class Settler:
    """Deletes and releases the messages of one queue.

    Args:
        sqs: from `celery_sqs.aws.endpoint`.
        queue_url: the queue.
    """

    def __init__(self, sqs: SqsClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._deletes = GroupCommit("sqs-delete", self._send_deletes, _no_bytes, LIMITS)
        self._releases = GroupCommit("sqs-release", self._send_releases, _no_bytes, LIMITS)
        self._done: collections.OrderedDict[str, None] = collections.OrderedDict()
        self._lock = system.threading.Lock()
        self._too_late = ThrottledLog(logger, "a message was done after its lease was lost, and is left to others")
        self._not_deleted = ThrottledLog(logger, "no confirmation that a done message was deleted")
        self._not_released = ThrottledLog(logger, "a message stays hidden until its visibility timeout ends")

    def delete(self, *deliveries: Delivery) -> None:
        """Delete messages that are done. One whose lease was lost is left to the worker that has it now."""
        settlements = []
        for delivery in deliveries:
            if delivery.is_lost:
                self._too_late.warning(delivery.message_id)
                self._remember(delivery)
            else:
                settlements.append(_Settlement(delivery))
        try:
            self._deletes.add_all(settlements)
        except Full as error:
            for settlement in settlements:
                self._is_not_deleted(settlement.delivery, str(error))

    def release(self, delivery: Delivery, delay: int = 0) -> None:
        """Make a message visible after so many seconds: to be run again, or moved to the DLQ if it has no receive left.

        SQS takes up to 12 hours, counted from the receive. What would end later comes as late as SQS allows:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
        """
        if delivery.is_lost:
            return
        try:
            self._releases.add(_Settlement(delivery, delay))
        except Full as error:
            self._not_released.warning(f"{delivery.message_id}: {error}")

    def is_done(self, delivery: Delivery) -> bool:
        """Whether an earlier delivery of this copy was done, and only its deletion failed."""
        return delivery.copy_id in self._done

    def close(self, timeout: float) -> None:
        """Settle what is waiting; gives up after so many seconds."""
        deadline = system.time.monotonic() + timeout
        for commits in (self._deletes, self._releases):
            commits.close(max(0.0, deadline - system.time.monotonic()))

    def _send_deletes(self, batch: list[_Settlement]) -> None:
        entries = [{"ReceiptHandle": settlement.delivery.receipt_handle} for settlement in batch]
        for settlement, failure in self._send(self._sqs.delete_message_batch, batch, entries):
            if not self._retry(self._deletes, settlement, failure):
                self._is_not_deleted(settlement.delivery, failure.reason)

    def _send_releases(self, batch: list[_Settlement]) -> None:
        now = system.time.monotonic()
        entries = [
            {
                "ReceiptHandle": settlement.delivery.receipt_handle,
                "VisibilityTimeout": max(0, min(settlement.delay, int(settlement.delivery.hideable_until - now))),
            }
            for settlement in batch
        ]
        for settlement, failure in self._send(self._sqs.change_message_visibility_batch, batch, entries):
            if not self._retry(self._releases, settlement, failure):
                self._not_released.warning(f"{settlement.delivery.message_id}: {failure.reason}")

    def _send(
        self, call: Callable[..., Any], batch: list[_Settlement], entries: list[dict[str, Any]]
    ) -> list[tuple[_Settlement, Failure]]:
        outcomes = zip(batch, batch_call(call, self._queue_url, entries), strict=True)
        return [(settlement, outcome) for settlement, outcome in outcomes if isinstance(outcome, Failure)]

    def _retry(self, commits: GroupCommit[_Settlement], settlement: _Settlement, failure: Failure) -> bool:
        """Plan another try, while the receipt handle is worth something; says whether there will be one.

        Also where SQS has refused the whole call: a right, a clock or a proxy may be corrected in time.
        """
        if failure.sender_fault or settlement.delivery.is_lost:
            return False
        commits.retry_later(settlement, pause(settlement.tries, FIRST_PAUSE, LONGEST_PAUSE))
        settlement.tries += 1
        return True

    def _is_not_deleted(self, delivery: Delivery, reason: str) -> None:
        self._not_deleted.warning(f"{delivery.message_id}: {reason}")
        self._remember(delivery)

    def _remember(self, delivery: Delivery) -> None:
        with self._lock:
            self._done[delivery.copy_id] = None
            while len(self._done) > MAX_REMEMBERED:
                self._done.popitem(last=False)


def _no_bytes(settlement: _Settlement) -> int:
    """Receipt handles are short: ten of them are far below the limit of a batch."""
    return 0
