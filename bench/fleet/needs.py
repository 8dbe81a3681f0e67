"""What a rate of orders needs: processes, cores, connections, requests, money, and what bounds it first."""

import math
from dataclasses import dataclass, replace
from typing import Final

from bench.fleet import prices, terraform
from bench.fleet.calibration import Calibration
from bench.fleet.costs import Costs
from bench.fleet.production import (
    UTILIZATION,
    Intake,
    Observed,
    cores_of,
    intake,
    observe,
    web_capacity,
    worker_capacity,
)
from bench.fleet.sqs import MAX_IN_FLIGHT
from celery_sqs.configuration import PREFETCH_MULTIPLIER
from celery_sqs.monitor.event_writer import LINGER

#: Orders per second.
RATES: Final = (1_000, 10_000, 100_000)

#: Rows that an order writes: its own, and that of its task, which is written when it is sent and when it has succeeded.
ROWS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a rate needs.

    Attributes:
        rate: orders per second.
        webs: tasks of web.
        workers: tasks of the worker.
        intake: what was seen of one task of web.
        observed: what was seen of the workers.
        database: cores of the database, task events of web included.
        commits: of the database per second, with those of task events.
        connections: that the database has to allow, so that a deployment finds enough.
        requests: to SQS per second.
    """

    rate: float
    webs: int
    workers: int
    intake: Intake
    observed: Observed
    database: float
    commits: float
    connections: int
    requests: float

    @property
    def cores(self) -> float:
        """Processors of web and workers."""
        return self.webs * cores_of("web") + self.workers * cores_of("worker")

    @property
    def vcpus(self) -> int | None:
        """Processors of the smallest database that has the cores and the connections; None where none has."""
        return next(
            (
                size
                for size in prices.DATABASE_SIZES
                if size * UTILIZATION >= self.database and size * prices.CONNECTIONS_PER_VCPU >= self.connections
            ),
            None,
        )

    @property
    def full_in_flight(self) -> int:
        """Messages in flight while all workers are full, as in an outage of the database."""
        return self.workers * PREFETCH_MULTIPLIER * terraform.processes("worker")

    def dollars(self) -> dict[str, float]:
        """A month, by part."""
        return {
            "SQS": prices.sqs(self.requests),
            "web": prices.tasks(self.webs, cores_of("web"), _memory("web")),
            "workers": prices.tasks(self.workers, cores_of("worker"), _memory("worker")),
            "database": prices.database(self.vcpus or prices.DATABASE_SIZES[-1]),
            "logs": prices.logs(self.rate),
            "network": prices.network(self.rate),
        }

    def shares(self) -> dict[str, float]:
        """How much of each bound is used: 1 is all of it."""
        largest = prices.DATABASE_SIZES[-1]
        return {
            "messages in flight, workers full": self.full_in_flight / MAX_IN_FLIGHT,
            "cores of the largest database": self.database / largest,
            "its connections by default": self.connections / (largest * prices.CONNECTIONS_PER_VCPU),
            "its disk, for the orders of a month": 30 / prices.days_of_storage(self.rate),
        }


def _memory(service: str) -> float:
    return terraform.size(service, "memory") / 1024  # GB


def production_costs(calibration: Calibration) -> Costs:
    """The costs without what nothing shows: that a batch larger than the drains' is cheaper for each order."""
    costs = calibration.costs
    return replace(costs, worker=replace(costs.worker, largest=calibration.batch))


def needs(costs: Costs, rate: float) -> Needs:
    """What a rate needs: each process is planned for a share of what it can do."""
    per_task = UTILIZATION * web_capacity(costs) * terraform.processes("web")
    webs = math.ceil(rate / per_task)
    workers = math.ceil(rate / (UTILIZATION * worker_capacity(costs)))
    taken = intake(costs, rate / webs, terraform.processes("web"), cores_of("web"))
    seen = observe(costs, rate, workers, taken.sizes)
    flushes = (webs * terraform.processes("web") + workers) / LINGER
    return Needs(
        rate=rate,
        webs=webs,
        workers=workers,
        intake=taken,
        observed=seen,
        database=seen.database + rate * costs.statement.insert + flushes * costs.statement.statement,
        commits=seen.commits + flushes,
        connections=terraform.connections(webs, workers),
        requests=seen.calls + rate * len(taken.sizes) / sum(taken.sizes),
    )
