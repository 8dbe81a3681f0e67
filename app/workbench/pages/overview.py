"""The first page: is all well, and if not, what is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from app.workbench.blueprint import database_answers, database_lost, page
from app.workbench.display import percentiles
from app.workbench.display.percentiles import Percentile, percentile
from app.workbench.parts import parts
from celery_sqs.monitor import WorkerRow
from orders.faults import is_outage
from tasks.orders import PERSIST_ORDER

SHOWN_MINUTES: Final = 60
SHOWN_REPAIRS: Final = 5

#: A worker that has stopped or died is shown for that long.
WORKER_SHOWN: Final = timedelta(hours=1)

#: What is drawn: the counter of `task_minutes`, and what people call it.
FLOW: Final = {"sent": "accepted", "succeeded": "persisted", "retried": "failed_attempts", "failed": "dead"}


@dataclass(frozen=True, slots=True)
class Minute:
    """What happened within a minute.

    Attributes:
        minute: its begin; aware, UTC.
        accepted: orders that SQS has confirmed.
        persisted: orders written.
        failed_attempts: attempts that failed and will be repeated.
        dead: orders that have failed for good.
        p50: what half of those persisted took from being sent to their row, at the most.
        p99: what 99 of 100 took.
    """

    minute: datetime
    accepted: int
    persisted: int
    failed_attempts: int
    dead: int
    p50: Percentile | None
    p99: Percentile | None


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker and whether it lives."""

    alive: bool
    row: WorkerRow


@page("/", "overview.html", json_rule="/overview.json", needs_database=False)
def overview() -> dict[str, Any]:
    """What is going on now, and was in the last hour. It answers whatever is away."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {"now": now, "sqs": parts().numbers.answer(), "minutes": None, "database": False}
    if database_answers():
        try:
            values |= {"database": True} | _from_database(now)
        except SQLAlchemyError as error:
            if not is_outage(error):
                raise
            database_lost()
            values["database"] = False
    return values


def _from_database(now: datetime) -> dict[str, Any]:
    reader, dlq = parts().event_reader, parts().dlq
    first = now.replace(second=0, microsecond=0) - timedelta(minutes=SHOWN_MINUTES - 1)
    counted = reader.counts_per_minute(PERSIST_ORDER, first)
    workers = [Worker(row.is_alive(now), row) for row in reader.workers()]
    sums = _added(counted)
    histogram = percentiles.buckets(sums)
    return {
        "minutes": [_minute(first + timedelta(minutes=count), counted) for count in range(SHOWN_MINUTES)],
        "totals": {name: sums.get(what, 0) for what, name in FLOW.items()},
        "p50": percentile(histogram, 0.5),
        "p99": percentile(histogram, 0.99),
        "oldest_waiting": reader.oldest_unfinished(PERSIST_ORDER),
        "workers": [worker for worker in workers if worker.alive or now - worker.row.seen_at < WORKER_SHOWN],
        "outage": [worker.row.name for worker in workers if worker.alive and worker.row.outage],
        "repairs": dlq.repairs.latest(SHOWN_REPAIRS),
        "scanned_at": dlq.messages.scanned_at(),
    }


def _minute(minute: datetime, counted: Mapping[datetime, Mapping[str, int]]) -> Minute:
    counts = counted.get(minute, {})
    histogram = percentiles.buckets(counts)
    flow = {name: counts.get(what, 0) for what, name in FLOW.items()}
    return Minute(minute=minute, p50=percentile(histogram, 0.5), p99=percentile(histogram, 0.99), **flow)


def _added(counted: Mapping[datetime, Mapping[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for counts in counted.values():
        for what, count in counts.items():
            sums[what] = sums.get(what, 0) + count
    return sums
