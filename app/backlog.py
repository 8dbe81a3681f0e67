"""What is asked when Prometheus asks: how much waits in the queues, and how old the oldest order without a row is."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.services import Services
from celery_sqs import QueuePair, read_pair, sqs_client
from celery_sqs.dependencies import Recent
from celery_sqs.monitor import EventReader
from tasks.application import endpoint
from tasks.orders import PERSIST_ORDER

#: Seconds that an answer is used again, so that no number of scrapers becomes a load.
KEPT: Final = 5.0


class Backlog(Collector):
    """The gauges of what waits. What cannot be asked for within a second is left out, and its `..._up` is 0.

    They belong to web and not to the workers: they are wanted most when no worker runs, and each of n
    workers would export the same once more.

    SQS's own ApproximateAgeOfOldestMessage leaves out a message that was received three times or more:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    So the age comes from `task_state`, which has every order that web or a worker has sent an event of.

    Args:
        queues: the queues' numbers.
        oldest: when the oldest order was sent that is neither stored nor dead; None where no task events are written.
    """

    def __init__(self, queues: Recent[QueuePair], oldest: Recent[datetime | None] | None) -> None:
        self._queues = queues
        self._oldest = oldest

    @classmethod
    def of(cls, services: Services) -> "Backlog":
        """The backlog of an application."""
        settings, event_reader = services.settings, EventReader(services.engine)
        urls = (settings.sqs_queue_url, settings.sqs_dlq_url)
        return cls(
            Recent(lambda: read_pair(sqs_client(endpoint(settings)), *urls), KEPT),
            Recent(lambda: event_reader.oldest_unfinished(PERSIST_ORDER), KEPT) if settings.task_events else None,
        )

    def collect(self) -> Iterator[Metric]:
        """Ask, and make gauges of the answers."""
        queues = self._queues.answer()
        yield _up("sqs_queue_up", "Whether SQS said how many messages the queues have.", queues.error)
        if queues.error is None and queues.value is not None:
            yield _messages(queues.value)
        if self._oldest is None:
            return
        oldest = self._oldest.answer()
        yield _up("order_store_up", "Whether the database said which order is the oldest without a row.", oldest.error)
        if oldest.error is None:
            yield _age(oldest.value)


def _up(name: str, text: str, error: str | None) -> Metric:
    return GaugeMetricFamily(name, text, value=float(error is None))


def _messages(both: QueuePair) -> Metric:
    family = GaugeMetricFamily("sqs_queue_messages", "About how many messages a queue has.", labels=["queue", "state"])
    for name, numbers in (("work", both.work), ("dlq", both.dlq)):
        if numbers is not None:
            family.add_metric([name, "visible"], numbers.visible)
            family.add_metric([name, "hidden"], numbers.hidden)
            family.add_metric([name, "delayed"], numbers.delayed)
    return family


def _age(sent_at: datetime | None) -> Metric:
    seconds = (datetime.now(UTC) - sent_at).total_seconds() if sent_at else 0.0
    return GaugeMetricFamily(
        "order_oldest_unpersisted_seconds",
        "Age of the oldest order that is neither stored nor dead; 0 without one.",
        value=max(0.0, seconds),  # two clocks may differ by a little
    )
