"""What each piece of work costs: seconds of CPU, all of them from the raw results of the benchmark."""

from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final

from bench import contenders, figures, intake, steps
from bench.size import BACKLOG, STEADY
from bench.upper_bounds import WRITERS

Record = dict[str, Any]

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
    """A worker's costs, from three runs: a short drain, the usual one, and the steady load, which has small batches.

    A run takes `start`, and besides `order` for each order and `batch` for each batch: three equations.
    """
    usual = results["size"]["usual"]
    short = _backlog(results, min(results["size"]["backlogs"]))
    drains, steady = (figures.drained(results, contenders.OURS, usual), _steady(results))
    (orders, batches, seconds), *others = (_total(records) for records in (short, drains, steady))
    (o1, b1, s1), (o2, b2, s2) = ((o - orders, b - batches, s - seconds) for o, b, s in others)
    determinant = o1 * b2 - o2 * b1
    order, batch = (s1 * b2 - s2 * b1) / determinant, (o1 * s2 - o2 * s1) / determinant
    start = max(0.0, seconds - order * orders - batch * batches)
    return WorkerCosts(receive=order * RECEIVE_SHARE, settle=order * (1 - RECEIVE_SHARE), batch=batch, start=start)


def batch_size(results: Record) -> float:
    """Orders in a batch of the usual drain."""
    orders, batches, _ = _total(figures.drained(results, contenders.OURS, results["size"]["usual"]))
    return orders / batches


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


def _backlog(results: Record, orders: int) -> list[Record]:
    return figures.measured(results[BACKLOG], who=contenders.OURS, orders=orders)


def _steady(results: Record) -> list[Record]:
    found = figures.measured(results[STEADY], contender=contenders.OURS)
    return [record | {"stored": record["orders"]} for record in found]


def _total(records: list[Record]) -> tuple[float, float, float]:
    """The orders of a run, its batches, and the seconds of the worker's CPU for all of them."""
    orders, batches = (median(record[key] for record in records) for key in ("stored", "batches"))
    return orders, batches, median(record["cpu_ms"] * record["stored"] / _MS for record in records)


def per_call(record: Record, part: str) -> float:
    """Seconds of CPU that a part took in a drain for each receive and delete."""
    calls = sum(count for action, count in record["calls"].items() if action in figures.RECEIVE | figures.DELETE)
    return float(record["shared_cpu_ms"][part] * record["stored"] / _MS / calls)
