"""Renewing messages in batch calls: a copy is sent, and the old message deleted once SQS has confirmed the copy.

In this order a message is never gone: what ends the process between the two leaves two copies, and a task on SQS may
run twice anyway.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from celery_sqs.aws.batch_call import Failure, batch_call
from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.group_commit import Full, GroupCommit, Limits
from celery_sqs.consume.delivery import Delivery
from celery_sqs.errors import Unsendable
from celery_sqs.message.outgoing import size_of
from celery_sqs.metrics import count_renewal
from celery_sqs.retry import pause
from celery_sqs.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

LIMITS: Final = Limits(linger=0.01, concurrency=8, capacity=100_000)

FIRST_PAUSE: Final = 0.1  # seconds before the second try, at the most; doubles from there
LONGEST_PAUSE: Final = 2.0  # seconds


@dataclass(eq=False, slots=True)
class _Copy:
    delivery: Delivery
    entry: dict[str, Any]
    reason: str
    size: int
    tries: int = 0


class Renewer:
    """Renews the messages of one queue.

    Args:
        sqs: from `celery_sqs.aws.endpoint`.
        queue_url: the queue.
        on_sent: called with a delivery whose copy SQS has confirmed: deletes it.
        on_refused: called with one whose copy SQS will not take.
        on_late: called with one whose lease ended before its copy was sent.
    """

    def __init__(
        self,
        sqs: SqsClient,
        queue_url: str,
        on_sent: Callable[[Delivery], None],
        on_refused: Callable[[Delivery], None],
        on_late: Callable[[Delivery], object],
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._on_sent = on_sent
        self._on_refused = on_refused
        self._on_late = on_late
        self._copies: GroupCommit[_Copy] = GroupCommit("sqs-renewer", self._send, lambda copy: copy.size, LIMITS)
        self._refused = ThrottledLog(logger, "a message cannot be renewed, so its receives are its only budget")
        self._too_late = ThrottledLog(logger, "a message was not renewed before its lease ended, and is left to others")

    def renew(self, delivery: Delivery, make: Callable[[], dict[str, Any]], reason: str) -> None:
        """Renew a message, from any thread.

        Args:
            delivery: the message.
            make: makes the entry of its copy; may raise Unsendable.
            reason: why, for the metric: one of a few.
        """
        try:
            entry = make()
            self._copies.add(_Copy(delivery, entry, reason, size_of(entry)))
        except (Unsendable, Full) as error:
            self._refuse(delivery, str(error))

    def close(self, timeout: float) -> None:
        """Send what is waiting; gives up after so many seconds."""
        self._copies.close(timeout)

    def _send(self, batch: list[_Copy]) -> None:
        ours = [copy for copy in batch if self._is_ours(copy)]
        if not ours:
            return
        outcomes = batch_call(self._sqs.send_message_batch, self._queue_url, [_delayed(copy) for copy in ours])
        for copy, outcome in zip(ours, outcomes, strict=True):
            if not isinstance(outcome, Failure):
                count_renewal(copy.delivery.queue, copy.reason)
                self._on_sent(copy.delivery)
            elif outcome.may_pass:
                self._copies.retry_later(copy, pause(copy.tries, FIRST_PAUSE, LONGEST_PAUSE))
                copy.tries += 1
            # Also where the whole call is refused: a worker may lack the right to send.
            else:
                self._refuse(copy.delivery, outcome.reason)

    def _is_ours(self, copy: _Copy) -> bool:
        """Whether it is not too late: whoever has the message now renews it himself."""
        if copy.delivery.is_lost:
            self._too_late.warning(copy.delivery.message_id)
            self._on_late(copy.delivery)
            return False
        return True

    def _refuse(self, delivery: Delivery, reason: str) -> None:
        self._refused.warning(f"{delivery.message_id}: {reason}")
        self._on_refused(delivery)


def _delayed(copy: _Copy) -> dict[str, Any]:
    """What is sent for a copy now: SQS delays one that is not due."""
    delay = copy.delivery.delay
    return {**copy.entry, "DelaySeconds": delay} if delay else copy.entry
