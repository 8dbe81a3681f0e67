"""The costs of the benchmark's machine, and how much of it was left to what is modelled."""

from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench import contenders, figures
from bench.fleet import costs
from bench.fleet.costs import Costs

Record = dict[str, Any]

MS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What the predictions begin with.

    Attributes:
        costs: of all work, at the speed of the usual drains.
        cores: that workers, emulator, proxy and database have together.
        pool: processes of a worker's pool, unless it is given a number: as many as the machine has cores.
        batch: orders in a batch of the usual drain.
    """

    costs: Costs
    cores: float
    pool: int
    batch: float


def calibrate(results: Record) -> Calibration:
    """Read the costs from the results. No rate at a round trip goes into it."""
    return Calibration(
        costs=costs.of(results),
        cores=cores_in_use(results),
        pool=int(results["machine"]["cores"]),
        batch=costs.batch_size(results),
    )


def cores_in_use(results: Record) -> float:
    """The cores that were busy with a drain without a round trip, of the contender that kept the most of them busy.

    It is less than the machine has. The rest is the benchmark's own work, the kernel's, and that of other programs.
    """
    shortest = min(results["size"]["round_trips"])
    drains = (figures.drained(results, name, shortest) for name in contenders.NAMES)
    return max(median(figures.rate(each) * total_cpu(each) for each in records) for records in drains if records)


def total_cpu(record: Record) -> float:
    """Seconds of CPU for an order, of workers, emulator, proxy and database together."""
    return float(record["cpu_ms"] + sum(record["shared_cpu_ms"].values())) / MS


def slowness(results: Record, records: list[Record]) -> float:
    """How much CPU time work took in some runs, by what it took in the usual drains.

    The yardstick is the emulator's time for a call, on a queue of the same length: the same work in each run, and none
    of a worker's. It differs between runs: the machine is shared, and several workers are many processes on its
    cores.
    """
    usual = figures.drained(results, contenders.OURS, results["size"]["usual"])
    return _call(records) / _call(usual)


def _call(records: list[Record]) -> float:
    return median(costs.per_call(record, "emulator") for record in records)
