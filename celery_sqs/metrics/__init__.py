"""What the SQS layer counts, in the process that calls SQS: for Prometheus, where `prometheus_client` is installed.

It is an extra (`pip install "celery-sqs[metrics]"`). Without it nothing is counted, and `GET /metrics` answers 404.

The processes of a prefork pool count, too, where a task sends something, but nobody scrapes them: `/metrics` is
answered by the worker's main process, which receives and settles everything. So whether a failed attempt is on record
travels to it with the attempt's decision.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING or find_spec("prometheus_client"):
    from celery_sqs.metrics.prometheus import BATCH_SIZE, CALLS, RENEWALS, UNRECORDED, HealthGauges, exposition
else:
    from celery_sqs.metrics.disabled import BATCH_SIZE, CALLS, RENEWALS, UNRECORDED, HealthGauges, exposition

__all__ = [
    "BATCH_SIZE",
    "CALLS",
    "FAILED",
    "OK",
    "REFUSED",
    "RENEWALS",
    "UNRECORDED",
    "HealthGauges",
    "count_call",
    "count_renewal",
    "count_unrecorded",
    "exposition",
]

#: The outcomes of a call to SQS.
OK: Final = "ok"
REFUSED: Final = "refused"
FAILED: Final = "failed"


def count_call(action: str, status: int = 0) -> None:
    """Count an attempt of a call.

    Args:
        action: `ReceiveMessage`, for instance.
        status: HTTP's; 0 where no answer came that makes sense.
    """
    CALLS.labels(action, _outcome(status)).inc()


def count_renewal(queue: str, reason: str) -> None:
    """Count a message that was renewed.

    Args:
        queue: Celery's name of its queue.
        reason: `returned`: a receive of it had no attempt on record, or it was its last; `stop`: of a worker;
            `redriven`: by others than us; `old`: its queue would have deleted it; `rescued`: it was dead with
            attempts left; `pause`: of its queue.
    """
    RENEWALS.labels(queue, reason).inc()


def count_unrecorded(attempts: int = 1) -> None:
    """Count attempts that a task's store does not record, withdraw or look up, for a reason that is no outage."""
    UNRECORDED.inc(attempts)


def _outcome(status: int) -> str:
    if 200 <= status < 300:  # noqa: PLR2004  # HTTP's own classes
        return OK
    return REFUSED if 400 <= status < 500 else FAILED  # noqa: PLR2004
