"""What the model predicts, beside what was measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench import contenders, figures
from bench.fleet.calibration import MS, Calibration, slowness
from bench.fleet.machine import Machine, drain, steady
from bench.size import STEADY
from bench.steady import WARM_UP

Record = dict[str, Any]

#: How far a prediction may be from what was measured.
TOLERANCE: Final = 0.15


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One figure.

    Attributes:
        what: it is.
        unit: of both values.
        measured: the median of the repetitions.
        least: the smallest of them.
        most: the largest.
        predicted: by the model.
        blind: by the model at the speed of the usual drains, where that is another.
    """

    what: str
    unit: str
    measured: float
    least: float
    most: float
    predicted: float
    blind: float | None = None

    @property
    def error(self) -> float:
        """The prediction's, as a share of what was measured."""
        return self.predicted / self.measured - 1

    @property
    def is_close(self) -> bool:
        """Whether it is within the tolerance."""
        return abs(self.error) <= TOLERANCE


def predictions(results: Record, calibration: Calibration) -> list[Prediction]:
    """All of them."""
    parts = (_scale, _steady, _pools, _drains)
    return [prediction for part in parts for prediction in part(results, calibration)]


def _scale(results: Record, calibration: Calibration) -> Iterator[Prediction]:
    for workers in results["size"]["workers"][contenders.OURS]:
        records = figures.scaled(results, workers, None)
        yield _rate(
            results, calibration, records, f"{workers} worker" + "s" * (workers > 1), results["size"]["usual"], workers
        )


def _pools(results: Record, calibration: Calibration) -> Iterator[Prediction]:
    for processes in results["size"]["concurrency"]:
        records = figures.scaled(results, 1, processes)
        what = f"a pool of {processes}"
        yield _rate(results, calibration, records, what, results["size"]["usual"], 1, processes)


def _drains(results: Record, calibration: Calibration) -> Iterator[Prediction]:
    for round_trip in results["size"]["round_trips"]:
        records = figures.drained(results, contenders.OURS, round_trip)
        yield _rate(results, calibration, records, f"a round trip of {round_trip} ms", round_trip, 1)


def _steady(results: Record, calibration: Calibration) -> Iterator[Prediction]:
    records, times = _sent(results), times_to_persist(results, calibration)
    for name, key, share in (("p50", "p50_ms", 0.50), ("p99", "p99_ms", 0.99)):
        values = [record[key] for record in records]
        yield Prediction(
            what=f"time to persist, {name}",
            unit="ms",
            measured=median(values),
            least=min(values),
            most=max(values),
            predicted=percentile(times, share) * MS,
        )


def times_to_persist(results: Record, calibration: Calibration) -> list[float]:
    """The sorted times at half the peak, as the benchmark sends it."""
    rate = median(record["sent_rate"] for record in _sent(results))
    machine = Machine(calibration.costs, calibration.cores, results["size"]["usual"] / MS, 1, calibration.pool)
    return steady(machine, rate, WARM_UP, results["size"]["steady"])


def _sent(results: Record) -> list[Record]:
    return figures.measured(results[STEADY], contender=contenders.OURS)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of them is, as `bench.persist_latency` takes it."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _rate(
    results: Record,
    calibration: Calibration,
    records: list[Record],
    what: str,
    round_trip: int,
    workers: int,
    pool: int | None = None,
) -> Prediction:
    """A rate: the model has the costs of the usual drains, at the speed that the machine had in these runs."""
    rates = [figures.rate(record) for record in records]

    def predict(factor: float) -> float:
        machine = Machine(
            calibration.costs.slower(factor), calibration.cores, round_trip / MS, workers, pool or calibration.pool
        )
        return drain(machine, results["size"]["orders"]).rate

    return Prediction(
        what=what,
        unit="orders/s",
        measured=median(rates),
        least=min(rates),
        most=max(rates),
        predicted=predict(slowness(results, records)),
        blind=predict(1.0),
    )
