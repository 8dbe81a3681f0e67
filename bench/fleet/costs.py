"""What each piece of work costs: seconds of CPU, all of them from the raw results of the benchmark."""

from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final

from bench import contenders, figures, intake, steps
from bench.size import BACKLOG
from bench.upper_bounds import WRITERS
from celery_sqs.consume.in_flight import MAX_RECEIVE

Record = dict[str, Any]

#: Share of a core that a worker on an empty queue takes: 0.14 to 0.18 s of user and system time in 15 s, four workers,
#: read from /proc on the machine of the benchmark. Its results do not have it. It is subtracted from the runs that
#: take long beside what they do.
IDLE_CORES: Final = 0.01

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
        scans: of the emulator's process: length of the queue, and seconds.
        proxy: of the proxy's.
    """

    scans: tuple[tuple[float, float], ...]
    proxy: float

    def scan(self, length: int) -> float:
        """For a queue of a length: between two that were measured, on the straight line through them."""
        pairs = list(zip(self.scans, self.scans[1:], strict=False))
        (left, low), (right, high) = next((pair for pair in pairs if length <= pair[1][0]), pairs[-1])
        return max(0.0, low + (high - low) * (length - left) / (right - left))


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
            emulator=EmulatorCosts(
                scans=tuple((length, seconds * factor) for length, seconds in emulator.scans),
                proxy=emulator.proxy * factor,
            ),
        )


def worker_costs(results: Record, batch: float) -> WorkerCosts:
    """A worker's costs, from three drains.

    A drain takes `start`, and for each order `order + batch / size`, where `size` is that of its batches. Two drains of
    different lengths at the same size give the start. The longest backlog has batches of one answer, as the emulator
    takes longer for an answer than the worker for its messages: that and the usual drain give the two others.

    Args:
        results: of the benchmark.
        batch: orders in a batch of the usual drain.
    """
    usual = results["size"]["usual"]
    short, longest = (_backlog(results, pick(results["size"]["backlogs"])) for pick in (min, max))
    drains = figures.drained(results, contenders.OURS, usual)
    count, total = _total(drains)
    short_count, short_total = _total(short)
    each = (total - short_total) / (count - short_count)
    start = max(0.0, total - each * count)
    slow_count, slow_total = _total(longest)
    slow_total -= start + IDLE_CORES * results["size"]["backlog_limit"]
    per_batch = (slow_total / slow_count - each) / (1 / MAX_RECEIVE - 1 / batch)
    order = each - per_batch / batch
    return WorkerCosts(receive=order * RECEIVE_SHARE, settle=order * (1 - RECEIVE_SHARE), batch=per_batch, start=start)


def statement_costs(results: Record, batch: float) -> StatementCosts:
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
    return StatementCosts(statement=statement, insert=insert, row=max(insert, each - statement / batch))


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
    """The emulator's costs, at the mean length of the queue in each drain, and the proxy's."""
    usual = results["size"]["usual"]
    drains = [_backlog(results, orders) for orders in results["size"]["backlogs"]]
    drains.append(figures.drained(results, contenders.OURS, usual))
    points = []
    for records in drains:
        mean = median(record["backlog"] - record["stored"] / 2 for record in records)
        points.append((mean, median(per_call(record, "emulator") for record in records)))
    return EmulatorCosts(
        scans=tuple(sorted(points)),
        proxy=median(per_call(record, "proxy") for record in figures.drained(results, contenders.OURS, usual)),
    )


def of(results: Record, batch: float) -> Costs:
    """All costs.

    Args:
        results: of the benchmark.
        batch: orders in a batch of the usual drain, which the results do not have.
    """
    return Costs(
        worker=worker_costs(results, batch),
        statement=statement_costs(results, batch),
        web=web_costs(results),
        emulator=emulator_costs(results),
    )


def _backlog(results: Record, orders: int) -> list[Record]:
    return figures.measured(results[BACKLOG], who=contenders.OURS, orders=orders)


def _total(records: list[Record]) -> tuple[float, float]:
    """The orders of a drain, and the worker's CPU for all of them."""
    stored = median(record["stored"] for record in records)
    return stored, median(record["cpu_ms"] * record["stored"] / _MS for record in records)


def per_call(record: Record, part: str) -> float:
    """Seconds of CPU that a part took in a drain for each receive and delete."""
    calls = sum(count for action, count in record["calls"].items() if action in figures.RECEIVE | figures.DELETE)
    return float(record["shared_cpu_ms"][part] * record["stored"] / _MS / calls)
