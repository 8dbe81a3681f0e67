"""Since when an app's queues and their DLQs are empty, as far as SQS says."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from celery import Celery

from celery_sqs import system
from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.endpoint import sqs_client
from celery_sqs.aws.queue import read_facts
from celery_sqs.aws.queue_numbers import read_pair
from celery_sqs.errors import CallFailed
from celery_sqs.settings import Queue, Settings
from celery_sqs.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

#: Seconds between two questions to SQS.
ASKED_EVERY: Final = 30.0

#: SQS's counts are approximate, and right about a minute after the last message was sent:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/confirm-queue-is-empty.html
APPROXIMATE_FOR: Final = timedelta(seconds=90)


class EmptyQueues:
    """Asks SQS, no more often than every `ASKED_EVERY` seconds, and only when somebody wants to know.

    Args:
        app: the Celery app.
        asked_every: seconds between two questions.
        approximate_for: how long the counts have to be 0 until that is believed.
    """

    def __init__(
        self, app: Celery, asked_every: float = ASKED_EVERY, approximate_for: timedelta = APPROXIMATE_FOR
    ) -> None:
        self._app = app
        self._asked_every = asked_every
        self._approximate_for = approximate_for
        self._asked_at = float("-inf")
        self._empty_since: datetime | None = None
        self._longest_life = timedelta()
        self._log = ThrottledLog(logger, "SQS does not say whether its queues are empty")

    def empty_since(self) -> datetime | None:
        """A task that has not changed since has no message left, in all queues of the app; None if one may have."""
        self._ask()
        if self._empty_since is None:
            return None
        now = system.now(UTC)
        if now - self._empty_since < self._approximate_for:
            return None
        return min(self._empty_since, now - self._longest_life)

    def _ask(self) -> None:
        now = system.time.monotonic()
        if now - self._asked_at < self._asked_every:
            return
        if now - self._asked_at > 3 * self._asked_every:  # nobody knows what was in there meanwhile
            self._empty_since = None
        self._asked_at = now
        try:
            is_empty = self._all_are_empty()
        except CallFailed as error:
            self._log.warning(str(error))
            is_empty = False
        self._empty_since = (self._empty_since or system.now(UTC)) if is_empty else None

    def _all_are_empty(self) -> bool:
        settings = Settings.of(self._app.conf)
        sqs = sqs_client(settings.endpoint)
        self._longest_life = max(_longest_life(sqs, queue) for queue in settings.queues.values())
        return all(_is_empty(sqs, queue) for queue in settings.queues.values())


def _longest_life(sqs: SqsClient, queue: Queue) -> timedelta:
    """How long a message is on its way through its receives when each of its workers is killed."""
    facts = read_facts(sqs, queue.url)
    return timedelta(seconds=facts.visibility_timeout * (facts.max_receive_count or 1))


def _is_empty(sqs: SqsClient, queue: Queue) -> bool:
    pair = read_pair(sqs, queue.url, queue.dlq_url)
    both: list[Any] = [numbers for numbers in (pair.work, pair.dlq) if numbers is not None]
    return not any(numbers.visible + numbers.hidden + numbers.delayed for numbers in both)
