"""What the SQS layer counts, for Prometheus, in the process that talks to SQS.

The processes of a prefork pool count, too, where a task sends something, but nobody asks them: what is
told is the worker's main process, which receives and settles everything.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import Counter, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# Else each counter and histogram has a second series with its birthday, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

OK: Final = "ok"
REFUSED: Final = "refused"
FAILED: Final = "failed"

CALLS: Final = Counter(
    "sqs_calls",
    "Calls to SQS, each try for itself. Outcome: ok, refused (4xx), failed (5xx, or no answer that makes sense).",
    ["action", "outcome"],
)

BATCH_SIZE: Final = Histogram(
    "task_batch_size",
    "Calls in a batch that was handed to the pool.",
    ["task"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)


def count_call(action: str, status: int = 0) -> None:
    """Count a try of a call.

    Args:
        action: `ReceiveMessage`, for instance.
        status: HTTP's; 0 where no answer came that makes sense.
    """
    CALLS.labels(action, _outcome(status)).inc()


def count_answer(event_name: str, parsed_response: Mapping[str, Any] | None = None, **_: Any) -> None:
    """Count a try of a call of boto3's: the hook `response-received` of botocore, which knows the unanswered ones, too.

    https://github.com/boto/botocore/blob/develop/botocore/endpoint.py, `Endpoint._get_response`

    Args:
        event_name: `response-received.sqs.ReceiveMessage`, for instance.
        parsed_response: None where no answer came that could be read.
    """
    metadata = (parsed_response or {}).get("ResponseMetadata", {})
    count_call(event_name.rpartition(".")[2], metadata.get("HTTPStatusCode", 0))


class HealthGauges(Collector):
    """The numbers of a worker's health, read when they are asked for.

    Args:
        report: `celery_sqs.worker.health.Health.report`.
    """

    def __init__(self, report: Callable[[], Mapping[str, Any]]) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        """A gauge for each number."""
        report = self._report()
        yield _gauge("sqs_in_flight_messages", "Messages received and not settled yet.", report["in_flight"])
        yield _gauge(
            "sqs_oldest_in_flight_seconds",
            "Time since the oldest of them was received.",
            report["oldest_in_flight_seconds"],
        )
        yield _gauge("sqs_outage", "1 while what the tasks depend on is away: nothing is received.", report["outage"])
        yield _gauge(
            "sqs_last_poll_age_seconds",
            "Time since a poll last ended, with whatever answer; 0 while there is no room for one.",
            report["seconds_since_last_poll"],
        )


def _outcome(status: int) -> str:
    if 200 <= status < 300:  # noqa: PLR2004  # HTTP's own classes
        return OK
    return REFUSED if 400 <= status < 500 else FAILED  # noqa: PLR2004


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))
