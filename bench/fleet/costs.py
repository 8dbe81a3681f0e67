"""What each piece of work costs: seconds of CPU, all of them from the raw results of the benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final

from bench import contenders, figures, intake, steps
from bench.size import STEADY
from bench.upper_bounds import WRITERS

Record = dict[str, Any]

#: Workers, orders and batches of a run, and the seconds of CPU that all of them took.
Equation = tuple[float, float, float, float]

#: Share of the work on an order that the main process does before its batch: receive, decode, hand over; the rest
#: settles it. Not measured; between 0.3 and 0.7 no rate changes by more than 3 %, and no p50 by more than 1 ms.
RECEIVE_SHARE: Final = 0.5

_MS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class WorkerCosts:
    """Seconds of CPU of a worker.

    Attributes:
        receive: for each message, before its batch.
        settle: for each message, after it.
        batch: for each batch, in a process of the pool.
        start: once, with the first batch.
        largest: orders of a batch up to which this was measured; a larger one costs in proportion to its size, as
            nothing shows that it costs less.
    """

    receive: float
    settle: float
    batch: float
    start: float
    largest: float = float("inf")

    def batch_of(self, size: int) -> float:
        """For a batch of a size."""
        return self.batch * max(1.0, size / self.largest)

    @property
    def order(self) -> float:
        """For each order, whatever its batch."""
        return self.receive + self.settle


@dataclass(frozen=True, kw_only=True)
class StatementCosts:
    """Seconds of CPU of the database.

    Attributes:
        statement: for each statement.
        insert: for each row of it.
        row: the same with all that a worker writes of an order, its task events.
    """

    statement: float
    insert: float
    row: float


@dataclass(frozen=True, kw_only=True)
class WebCosts:
    """Seconds of CPU of a web process.

    Attributes:
        order: for each POST.
        call: for each SendMessageBatch.
    """

    order: float
    call: float


@dataclass(frozen=True, kw_only=True)
class EmulatorCosts:
    """Seconds of CPU for a call.

    Attributes:
        call: of the emulator's process, whatever the length of its queue.
        proxy: of the proxy's.
    """

    call: float
    proxy: float


@dataclass(frozen=True, kw_only=True)
class Costs:
    """All costs of one machine."""

    worker: WorkerCosts
    statement: StatementCosts
    web: WebCosts
    emulator: EmulatorCosts

    def slower(self, factor: float) -> "Costs":
        """The same work of a drain on a machine that takes so many times the CPU time for it."""
        worker, statement, emulator = self.worker, self.statement, self.emulator
        return replace(
            self,
            worker=replace(
                worker,
                receive=worker.receive * factor,
                settle=worker.settle * factor,
                batch=worker.batch * factor,
                start=worker.start * factor,
            ),
            statement=replace(statement, statement=statement.statement * factor, row=statement.row * factor),
            emulator=EmulatorCosts(call=emulator.call * factor, proxy=emulator.proxy * factor),
        )


def worker_costs(results: Record) -> WorkerCosts:
    """A worker's costs, from the CPU of three runs: few workers, many workers, and the steady load with small batches.

    Each worker of a run takes `start`, and all take `order` for each order and `batch` for each batch: three equations.
    """
    counts = results["size"]["workers"][contenders.OURS]
    few, many = (_equation(figures.scaled(results, count, None), count) for count in (min(counts), max(counts)))
    start, order, batch = _solved(few, many, _equation(_steady(results), 1))
    return WorkerCosts(receive=order * RECEIVE_SHARE, settle=order * (1 - RECEIVE_SHARE), batch=batch, start=start)


def _equation(records: list[Record], workers: int) -> Equation:
    """What was done in a run, and the seconds of CPU that it took."""
    orders, batches = (float(median(record[key] for record in records)) for key in ("stored", "batches"))
    seconds = float(median(record["cpu_ms"] * record["stored"] / _MS for record in records))
    return workers, orders, batches, seconds


def _solved(*equations: Equation) -> tuple[float, float, float]:
    """The three unknowns of three equations, by Cramer's rule."""
    columns = tuple(zip(*equations, strict=True))
    unknowns, totals = columns[:3], columns[3]
    whole = _determinant(*unknowns)
    first, second, third = (
        _determinant(*(totals if place == each else column for place, column in enumerate(unknowns))) / whole
        for each in range(3)
    )
    return first, second, third


def _determinant(a: Sequence[float], b: Sequence[float], c: Sequence[float]) -> float:
    return a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1]) + c[0] * (a[1] * b[2] - a[2] * b[1])


def batch_size(results: Record) -> float:
    """Orders in a batch of the usual drain."""
    drains = figures.drained(results, contenders.OURS, results["size"]["usual"])
    return float(median(record["stored"] / record["batches"] for record in drains))


def statement_costs(results: Record) -> StatementCosts:
    """The database's costs: a statement's from the commits without a queue, the rest from the drains."""
    seconds = {
        rows: WRITERS * rows / median(figures.rate(record) for record in records)
        for rows in (1, 100)
        if (records := figures.measured(results[steps.DATABASE], rows=rows))
    }
    insert = (seconds[100] - seconds[1]) / (100 - 1)
    statement = seconds[1] - insert
    drains = figures.drained(results, contenders.OURS, results["size"]["usual"])
    each = median(record["shared_cpu_ms"]["database"] for record in drains) / _MS
    return StatementCosts(statement=statement, insert=insert, row=max(insert, each - statement / batch_size(results)))


def web_costs(results: Record) -> WebCosts:
    """A web process's costs: at one connection each order has a call of its own, at the usual number few have."""
    alone, usual = (figures.taken(results, intake.OURS, connections) for connections in (1, intake.USUAL))
    (calls_alone, cpu_alone), (calls, cpu) = (
        (median(map(figures.sends_per_order, records)), median(record["cpu_ms"] for record in records) / _MS)
        for records in (alone, usual)
    )
    call = (cpu_alone - cpu) / (calls_alone - calls)
    return WebCosts(order=cpu - call * calls, call=call)


def emulator_costs(results: Record) -> EmulatorCosts:
    """The emulator's costs and the proxy's, in the usual drain."""
    drains = figures.drained(results, contenders.OURS, results["size"]["usual"])
    call, proxy = (median(per_call(record, part) for record in drains) for part in ("emulator", "proxy"))
    return EmulatorCosts(call=call, proxy=proxy)


def of(results: Record) -> Costs:
    """All costs, from the results of the benchmark."""
    return Costs(
        worker=worker_costs(results),
        statement=statement_costs(results),
        web=web_costs(results),
        emulator=emulator_costs(results),
    )


def _steady(results: Record) -> list[Record]:
    found = figures.measured(results[STEADY], contender=contenders.OURS)
    return [record | {"stored": record["orders"]} for record in found]


def per_call(record: Record, part: str) -> float:
    """Seconds of CPU that a part took in a drain for each receive and delete."""
    calls = sum(count for action, count in record["calls"].items() if action in figures.RECEIVE | figures.DELETE)
    return float(record["shared_cpu_ms"][part] * record["stored"] / _MS / calls)
