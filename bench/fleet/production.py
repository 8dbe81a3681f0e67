"""A fleet on AWS in the model: nothing shares cores with anything else, and SQS is SQS."""

import math
import random
from dataclasses import dataclass
from typing import Final

from bench.fleet import terraform
from bench.fleet.costs import Costs
from bench.fleet.database import Database
from bench.fleet.events import Cores, Events
from bench.fleet.sqs import MAX_IN_FLIGHT, Aws, Queue
from bench.fleet.web import Web
from bench.fleet.worker import Worker
from celery_sqs.aws.group_commit import MAX_ENTRIES

#: Seconds of a call of SQS: that of the benchmark's usual drains. AWS says "tens or low hundreds of milliseconds":
#: https://aws.amazon.com/sqs/faqs/
ROUND_TRIP: Final = 0.010

#: Seconds that a commit waits for the disk and for the standby in another zone. Not measured; EBS promises
#: "single-digit millisecond latency": https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html
COMMIT: Final = 0.005

#: Share of a processor that is planned to be busy. It leaves room for the minutes that autoscaling takes, and for what
#: is not in the model.
UTILIZATION: Final = 0.7

#: Units of a vCPU in a task definition.
_VCPU: Final = 1024

_SAMPLE: Final = 0.001  # seconds between two looks at what is in flight
_SEED: Final = 1
_WARM_UP: Final = 1.0  # seconds
_SATURATED: Final = 3.0  # seconds of a worker with a backlog
_BACKLOG: Final = 20_000  # orders, more than a worker stores in that time


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What was seen of web processes.

    Attributes:
        sizes: orders in each SendMessageBatch.
        answers: seconds until a client has its 202, sorted.
        busy: share of the tasks' CPU.
    """

    sizes: tuple[int, ...]
    answers: tuple[float, ...]
    busy: float


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What was seen of workers and their queue.

    Attributes:
        rate: orders stored per second.
        times: seconds from send to row, sorted.
        batch: orders in a worker's batch.
        calls: requests of the workers to SQS per second.
        commits: of batches per second.
        in_flight: messages that were received and not deleted, on average.
        most_in_flight: the largest number of them.
        busy: share of the workers' CPU.
        database: cores of the database that were busy.
    """

    rate: float
    times: tuple[float, ...]
    batch: float
    calls: float
    commits: float
    in_flight: float
    most_in_flight: int
    busy: float
    database: float


def cores_of(service: str) -> float:
    """Processors of a service's task."""
    return terraform.size(service, "cpu") / _VCPU


def worker_capacity(
    costs: Costs, workers: int = 1, quota: int = MAX_IN_FLIGHT, round_trip: float = ROUND_TRIP
) -> float:
    """Orders per second of workers with a backlog, all together."""
    fleet = Fleet(costs, workers, quota, round_trip)
    fleet.queue.send([0.0] * _BACKLOG * workers)
    fleet.events.run(_WARM_UP)
    before = fleet.database.rows
    fleet.events.run(_WARM_UP + _SATURATED)
    return (fleet.database.rows - before) / _SATURATED


def web_capacity(costs: Costs) -> float:
    """Orders per second of one web process when its sends are full: what its share of the task allows."""
    return cores_of("web") / terraform.processes("web") / (costs.web.order + costs.web.call / MAX_ENTRIES)


def intake(costs: Costs, rate: float, processes: int, cores: float, seconds: float = 5.0) -> Intake:
    """Clients at a constant mean rate, and one task of web.

    Args:
        costs: of all work.
        rate: orders per second of all processes.
        processes: of the task.
        cores: of the task.
        seconds: how long.
    """
    events, queue, chance = Events(), Queue(), random.Random(_SEED)
    shared, service = Cores(events, cores), Aws(events, ROUND_TRIP)
    answers: list[float] = []
    sizes: list[int] = []
    for _ in range(processes):
        Web(events, shared, service, queue, costs.web, rate / processes, chance, answers.append, sizes.append).start()
    events.run(seconds)
    return Intake(sizes=tuple(sizes), answers=tuple(sorted(answers)), busy=shared.busy / cores / seconds)


def observe(costs: Costs, rate: float, workers: int, sizes: tuple[int, ...], seconds: float = 2.0) -> Observed:
    """Workers at a constant mean rate. The sends of many web processes together are a Poisson process.

    Args:
        costs: of all work.
        rate: orders per second.
        workers: how many.
        sizes: orders in a send; each has one of them by chance.
        seconds: how long, after a warm-up.
    """
    fleet = Fleet(costs, workers)
    fleet.arrive(rate, sizes, random.Random(_SEED))
    fleet.events.run(_WARM_UP)
    before = fleet.counts()
    fleet.times.clear()
    fleet.events.run(_WARM_UP + seconds)
    rows, commits, calls, busy, database, in_flight = (
        (after - then) / seconds for after, then in zip(fleet.counts(), before, strict=True)
    )
    return Observed(
        rate=rows,
        times=tuple(sorted(fleet.times)),
        batch=rows / commits,
        calls=calls,
        commits=commits,
        in_flight=in_flight,
        most_in_flight=fleet.queue.most_in_flight,
        busy=busy / workers / cores_of("worker"),
        database=database,
    )


class Fleet:
    """Workers on AWS, each a task of its own, on one queue and one database."""

    def __init__(self, costs: Costs, workers: int, quota: int = MAX_IN_FLIGHT, round_trip: float = ROUND_TRIP) -> None:
        self.events, self.times = Events(), list[float]()
        self.queue, self.service = Queue(quota), Aws(self.events, round_trip)
        self._database_cores = Cores(self.events, math.inf)
        self.database = Database(self.events, self._database_cores, costs.statement, COMMIT, self._stored)
        self._cores = [Cores(self.events, cores_of("worker")) for _ in range(workers)]
        pool = terraform.processes("worker")
        for cores in self._cores:
            Worker(self.events, cores, self.service, self.queue, self.database, costs.worker, pool).start()
        self._in_flight = 0.0
        self._sample()

    def arrive(self, rate: float, sizes: tuple[int, ...], chance: random.Random) -> None:
        """Have orders arrive."""
        sends = rate * len(sizes) / sum(sizes)

        def send() -> None:
            self.queue.send([self.events.now] * chance.choice(sizes))
            self.events.after(chance.expovariate(sends), send)

        self.events.after(chance.expovariate(sends), send)

    def counts(self) -> tuple[float, ...]:
        """What has been counted so far; of the messages in flight, the integral over time."""
        busy = sum(cores.busy for cores in self._cores)
        database = self.database
        return database.rows, database.commits, self.service.calls, busy, self._database_cores.busy, self._in_flight

    def _stored(self, batch: list[float]) -> None:
        self.times += [self.events.now - sent for sent in batch]

    def _sample(self) -> None:
        self._in_flight += self.queue.in_flight * _SAMPLE
        self.events.after(_SAMPLE, self._sample)
