"""What is asked when Prometheus asks: how old the oldest order without a row is, and how many are missing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.services import Services
from celery_sqs.dependencies import Recent
from celery_sqs.monitor import EventReader
from tasks.orders import PERSIST_ORDER

#: Seconds that an answer is used again, so that no number of scrapers becomes a load.
KEPT: Final = 5.0

#: How long a missing order is counted. It stays on the list as long as it is missing.
MISSING_FOR: Final = timedelta(days=7)


class Backlog(Collector):
    """The gauges of what waits. What cannot be asked for within a second is left out, and `order_store_up` is 0.

    SQS's own ApproximateAgeOfOldestMessage leaves out a message that was received three times or more:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    So the age comes from `task_state`, which has every order that web or a worker has sent an event of.

    Args:
        oldest: when the oldest order was sent that is neither stored nor dead; None where no task events are written.
        missing: how many orders were found to be missing within `MISSING_FOR`; None: not asked.
    """

    def __init__(self, oldest: Recent[datetime | None] | None, missing: Recent[int] | None = None) -> None:
        self._oldest = oldest
        self._missing = missing

    @classmethod
    def of(cls, services: Services) -> "Backlog":
        """The backlog of an application."""
        reader = EventReader(services.engine)
        is_known = services.settings.task_events
        oldest = Recent(lambda: reader.oldest_unfinished(PERSIST_ORDER), KEPT) if is_known else None
        return cls(oldest, Recent(lambda: services.store.missing.count(datetime.now(UTC) - MISSING_FOR), KEPT))

    def collect(self) -> Iterator[Metric]:
        """Ask, and make gauges of the answer."""
        missing = self._missing and self._missing.answer()
        if missing and missing.error is None and missing.value is not None:
            text = "Orders found within a week to be neither stored nor dead, though the queue keeps them no longer."
            yield GaugeMetricFamily("order_missing", text, value=missing.value)
        if self._oldest is None:
            return
        oldest = self._oldest.answer()
        text = "Whether the database said which order is the oldest without a row."
        yield GaugeMetricFamily("order_store_up", text, value=float(oldest.error is None))
        if oldest.error is None:
            yield _age(oldest.value)


def _age(sent_at: datetime | None) -> Metric:
    seconds = (datetime.now(UTC) - sent_at).total_seconds() if sent_at else 0.0
    return GaugeMetricFamily(
        "order_oldest_unpersisted_seconds",
        "Age of the oldest order that is neither stored nor dead; 0 without one.",
        value=max(0.0, seconds),  # two clocks may differ by a little
    )
