"""The first page: is all well, and if not, what is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from celery_sqs import system
from celery_sqs.database.outage import is_outage
from celery_sqs.monitor import WorkerRow
from celery_sqs.workbench.display import percentiles
from celery_sqs.workbench.display.percentiles import percentile
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.requested_queue import added, numbers_of
from celery_sqs.workbench.views import page
from celery_sqs.workbench.visit import visit

SHOWN_MINUTES: Final = 60
SHOWN_REPAIRS: Final = 5

#: A worker that has stopped or died is shown for that long.
WORKER_SHOWN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker and whether it lives."""

    alive: bool
    row: WorkerRow


@page("/", "overview.html", json_rule="/overview.json", needs_database=False)
def overview() -> dict[str, Any]:
    """What is going on now, and was in the last hour. It answers whatever is away."""
    now = system.now(UTC)
    numbers = numbers_of(parts().dlq.names)
    values: dict[str, Any] = {"now": now, "sqs": added(numbers), "minutes": None, "database": False}
    values["queues"] = [{"name": name, "sqs": answer, "scanned_at": None} for name, answer in numbers.items()]
    if visit().database_answers:
        try:
            values |= {"database": True} | _from_database(now)
            scans = parts().dlq.messages.scans()
            values["queues"] = [each | {"scanned_at": scans.get(each["name"])} for each in values["queues"]]
        except SQLAlchemyError as error:
            if not is_outage(error):
                raise
            visit().database_lost()
            values["database"] = False
    return values


def _from_database(now: datetime) -> dict[str, Any]:
    reader, dlq, task = parts().event_reader, parts().dlq, parts().task
    first = now.replace(second=0, microsecond=0) - timedelta(minutes=SHOWN_MINUTES - 1)
    counted = reader.counts_per_minute(task, first)
    workers = sorted((Worker(row.is_alive(now), row) for row in reader.workers()), key=_urgency)
    sums = _added(counted)
    histogram = percentiles.buckets(sums)
    return {
        "minutes": [_minute(first + timedelta(minutes=count), counted) for count in range(SHOWN_MINUTES)],
        "totals": _flow(sums),
        "p50": percentile(histogram, 0.5),
        "p99": percentile(histogram, 0.99),
        "oldest_waiting": reader.oldest_unfinished(task),
        "workers": [worker for worker in workers if worker.alive or now - worker.row.seen_at < WORKER_SHOWN],
        "outage": [worker.row.name for worker in workers if worker.alive and worker.row.outage],
        "repairs": dlq.repairs.latest(SHOWN_REPAIRS),
        "scanned_at": dlq.messages.scanned_at(),
    }


def _urgency(worker: Worker) -> tuple[int, str]:
    """The order of the workers: those that died or wait come first, and those that were stopped last."""
    is_well = worker.alive and not worker.row.outage
    return 1 if is_well else 2 if worker.row.stopped_at else 0, worker.row.name


def _minute(minute: datetime, counted: Mapping[datetime, Mapping[str, int]]) -> dict[str, Any]:
    """What happened within a minute, and what half of those that are done took at the most, and 99 of 100."""
    counts = counted.get(minute, {})
    histogram = percentiles.buckets(counts)
    return {"minute": minute, **_flow(counts), "p50": percentile(histogram, 0.5), "p99": percentile(histogram, 0.99)}


def _flow(counts: Mapping[str, int]) -> dict[str, int]:
    """What is drawn: what SQS has confirmed, what is done, attempts to be repeated, and what has failed for good."""
    names = {"sent": "accepted", "succeeded": parts().words.done, "retried": "failed_attempts", "failed": "dead"}
    return {name: counts.get(what, 0) for what, name in names.items()}


def _added(counted: Mapping[datetime, Mapping[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for counts in counted.values():
        for what, count in counts.items():
            sums[what] = sums.get(what, 0) + count
    return sums
