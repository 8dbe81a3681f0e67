"""The metrics of the SQS layer, kept by `prometheus_client`."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    REGISTRY,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# Else each counter and histogram has a second series with its time of creation, which nothing asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

CALLS: Final = Counter(
    "sqs_calls",
    "Calls to SQS, each attempt for itself. Outcome: ok, refused (4xx), failed (5xx, or no answer that makes sense).",
    ["action", "outcome"],
)

RENEWALS: Final = Counter(
    "sqs_renewed_messages",
    "Messages sent anew, with their history, and deleted then. Reason: returned, stop, redriven, old, rescued, pause.",
    ["queue", "reason"],
)

#: Without labels, so that its series is there from the start: of one that appears with its first count, Prometheus sees
#: no increase.
UNRECORDED: Final = Counter(
    "sqs_unrecorded_attempts",
    "Attempts that their task's store would not record, withdraw or look up, for a reason that is no outage.",
)

BATCH_SIZE: Final = Histogram(
    "task_batch_size",
    "Calls in a batch that was given to the pool.",
    ["task"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)


#: The gauges of each queue, and the field of the report that each has.
_OF_QUEUES: Final = {
    "sqs_in_flight_messages": ("Messages received and not settled yet.", "in_flight"),
    "sqs_oldest_in_flight_seconds": ("Time since the oldest of them was received.", "oldest_in_flight_seconds"),
    "sqs_last_poll_age_seconds": (
        "Time since SQS last answered a poll; 0 while there is no room for one, or the queue is paused.",
        "seconds_since_last_poll",
    ),
}


class HealthGauges(Collector):
    """The numbers of a worker's health, read at each scrape.

    Args:
        report: `celery_sqs.worker.health.Health.report`.
    """

    def __init__(self, report: Callable[[], Mapping[str, Any]]) -> None:
        self._report = report

    def register(self) -> None:
        """Make them part of `exposition`."""
        REGISTRY.register(self)

    def unregister(self) -> None:
        """Take them out again."""
        REGISTRY.unregister(self)

    def collect(self) -> Iterator[Metric]:
        """A gauge for each number; those of a queue by its name in `sqs_queues`."""
        report = self._report()
        for name, (text, field) in _OF_QUEUES.items():
            family = GaugeMetricFamily(name, text, labels=["queue"])
            for queue, numbers in report["queues"].items():
                family.add_metric([queue], float(numbers[field]))
            yield family
        yield _gauge("sqs_outage", "1 while what the tasks depend on is away: nothing is received.", report["outage"])
        yield _paused(report["paused"])
        yield _gauge(
            "sqs_heartbeat_age_seconds",
            "Time since the event loop last ran. While a task runs in the main thread it is 0.",
            report["seconds_since_heartbeat"],
        )
        text = "Time for which what has come back has kept all else from beginning, and nothing has run."
        yield _gauge("sqs_standstill_seconds", text, report["standstill_seconds"])


def _paused(queues: Mapping[str, bool]) -> Metric:
    text = "1 while an operator has paused the queue: nothing is received from it to be run."
    family = GaugeMetricFamily("sqs_queue_paused", text, labels=["queue"])
    for queue, is_paused in queues.items():
        family.add_metric([queue], is_paused)
    return family


def exposition() -> tuple[HTTPStatus, str, bytes]:
    """The answer to `GET /metrics`: status, content type and body."""
    return HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, generate_latest()


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))
