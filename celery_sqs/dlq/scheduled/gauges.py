"""What is asked when Prometheus asks: how much waits in each queue and its DLQ, and how old what is known of that is.

Workers do not export it: it is wanted most when none runs, and each of n workers would export the same once more.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from celery import Celery
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from celery_sqs import system
from celery_sqs.aws.endpoint import sqs_client
from celery_sqs.aws.queue_numbers import QueueNumbers, QueuePair, read_pair
from celery_sqs.dependencies import Recent
from celery_sqs.dependencies.recent import answers_of
from celery_sqs.dlq.service import DeadLetterServices
from celery_sqs.settings import Settings

#: Seconds that an answer is used again, so that no number of scrapers becomes a load.
KEPT: Final = 5.0

_STATES: Final = ("visible", "hidden", "delayed")


class QueueGauges(Collector):
    """A collector for a registry of Prometheus. What cannot be asked for within a second is left out.

    Args:
        numbers: of each queue and its DLQ, by Celery's name of the queue.
        scans: when the last full scan of each DLQ ended, by the same names.
    """

    def __init__(self, numbers: Mapping[str, Recent[QueuePair]], scans: Recent[Mapping[str, datetime]]) -> None:
        self._numbers = numbers
        self._scans = scans

    @classmethod
    def of(cls, app: Celery, services: DeadLetterServices | None = None) -> "QueueGauges":
        """The gauges of an app's queues.

        Args:
            app: the Celery application.
            services: of its DLQs; None: `DeadLetterServices.of(app)`.

        Raises:
            celery_sqs.errors.Misconfigured: a setting is missing or wrong.
        """
        settings, messages = Settings.of(app.conf), (services or DeadLetterServices.of(app)).messages
        numbers = {name: Recent(partial(_read, settings, name), KEPT) for name in settings.queues}
        return cls(numbers, Recent(messages.scans, KEPT))

    def collect(self) -> Iterator[Metric]:
        """Ask, and make gauges of the answers; each has the label `queue`, a work queue's name in `sqs_queues`."""
        asked = answers_of({**self._numbers, "": self._scans})
        scans = asked.pop("")
        up = _family("sqs_queue_up", "Whether SQS said how many messages a queue and its DLQ have.")
        work = _family("sqs_queue_messages", "About how many messages a queue has.", "state")
        dlq = _family("sqs_dlq_messages", "About how many messages a queue's DLQ has.", "state")
        age = _family("sqs_dlq_scan_age_seconds", "Time since the last full scan of a queue's DLQ ended.")
        for name, answer in asked.items():
            up.add_metric([name], float(answer.error is None))
            if answer.error is None and answer.value is not None:
                _add(work, name, answer.value.work)
                _add(dlq, name, answer.value.dlq)
        for name, ended_at in ((scans.value if scans.error is None else None) or {}).items():
            if name in asked:
                age.add_metric([name], max(0.0, (system.now(UTC) - ended_at).total_seconds()))
        yield from (up, work, dlq, age)


def serve_gauges(gauges: QueueGauges, host: str, port: int) -> None:
    """Answer `GET /metrics` with these gauges, on a thread of its own.

    Raises:
        OSError: nobody can listen there.
    """
    registry = CollectorRegistry()
    registry.register(gauges)
    start_http_server(port, host, registry)


def _read(settings: Settings, name: str) -> QueuePair:
    queue = settings.queue(name)
    return read_pair(sqs_client(settings.endpoint), queue.url, queue.dlq_url)


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=["queue", *labels])


def _add(family: GaugeMetricFamily, name: str, numbers: QueueNumbers | None) -> None:
    if numbers is not None:
        for state in _STATES:
            family.add_metric([name, state], getattr(numbers, state))
