"""The costs of the benchmark's machine, and how much of it was left to what is modelled."""

from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench import contenders, figures
from bench.fleet import costs
from bench.fleet.costs import Costs
from bench.fleet.machine import Machine, drain

Record = dict[str, Any]

#: Processes of a worker's pool, unless it is given a number: as many as there are cores.
MS: Final = 1000

_FIRST_GUESS: Final = 30.0  # orders in a batch
_MOST_ROUNDS: Final = 20
_CLOSE: Final = 0.5  # orders in a batch


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What the predictions begin with.

    Attributes:
        costs: of all work, at the speed of the usual drains.
        cores: that workers, emulator, proxy and database together had when CPU was all that bounded them.
        pool: processes of a worker's pool.
        batch: orders in a batch of the usual drain, in the model.
    """

    costs: Costs
    cores: float
    pool: int
    batch: float


def calibrate(results: Record) -> Calibration:
    """Read the costs from the results.

    A worker's cost of a batch follows from the size of its batches, which the results do not have, and the size in the
    model from the cost. So both are found in a few rounds. No rate of the results goes into it.
    """
    size, cores, pool = results["size"], cores_in_use(results), int(results["machine"]["cores"])
    batch = _FIRST_GUESS
    for _ in range(_MOST_ROUNDS):
        found = costs.of(results, batch)
        before, batch = (
            batch,
            drain(Machine(found, cores, size["usual"] / MS, 1, pool), size["orders"]).batch,
        )
        if abs(batch - before) < _CLOSE:
            break
    return Calibration(costs=found, cores=cores, pool=pool, batch=batch)


def cores_in_use(results: Record) -> float:
    """The cores that were busy with what is modelled where nothing but CPU bounds: drains without a round trip.

    It is less than the machine has. The rest is the benchmark's own work, the kernel's, and that of other programs.
    """
    records = figures.drained(results, contenders.OURS, min(results["size"]["round_trips"]))
    return median(figures.rate(record) * total_cpu(record) for record in records)


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
