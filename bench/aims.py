"""The project's aims, and which of them a run reaches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench import contenders, figures, intake
from bench.figures import DELETE, RECEIVE, calls_per_order, drained, measured, middle, over, rate
from bench.size import BACKLOG, IDLE

Record = dict[str, Any]


@dataclass(frozen=True)
class Aim:
    """An aim and the value of a run.

    Attributes:
        what: the quantity, as the report names it.
        bound: the value to reach.
        upper: whether the bound is an upper one: smaller is better.
        value: of the run; None if it was not measured.
        detail: the figures from which the value was calculated.
    """

    what: str
    bound: float
    upper: bool
    value: float | None
    detail: str = ""

    @property
    def reached(self) -> bool:
        """Whether the run reaches it."""
        if self.value is None:
            return False
        return self.value <= self.bound if self.upper else self.value >= self.bound


def aims(results: Record) -> list[Aim]:
    """All of them, in the order of the report."""
    return [*_drains(results), *_costs(results), *_intakes(results), *_steadiness(results)]


def _times(what: str, bound: float, ours: float | None, other: float | None, unit: str = "orders/s") -> Aim:
    detail = f"{ours:.0f} against {other:.0f} {unit}" if ours is not None and other is not None else ""
    return Aim(what, bound, upper=False, value=over(ours, other), detail=detail)


def _drains(results: Record) -> Iterator[Aim]:
    usual = results["size"]["usual"]

    def against(names: tuple[str, ...], what: str, bound: float, round_trip: int) -> Aim:
        ours = figures.drain_rate(results, contenders.OURS, round_trip)
        name, other = figures.best(results, names, round_trip) or ("", None)
        shown = what.format(name) if name else what.format("it")
        return _times(f"drain at {round_trip} ms: times {shown}", bound, ours, other)

    peers = tuple(name for name in contenders.NAMES if name not in {contenders.OURS, contenders.EVENTS_OFF})
    yield against((contenders.TUNED,), "the best-tuned Celery", 20, usual)
    yield against((contenders.LOOP,), "the batched hand loop", 8, usual)
    yield against(contenders.OTHERS, "the best other peer ({})", 4, usual)
    for round_trip in results["size"]["round_trips"]:
        if round_trip > usual:
            yield against((contenders.LOOP,), "the batched hand loop", 10, round_trip)
        if round_trip < usual:
            yield against(peers, "the best peer of all ({})", 1, round_trip)


def _costs(results: Record) -> Iterator[Aim]:
    usual = results["size"]["usual"]
    ours = drained(results, contenders.OURS, usual)
    cpu, silent = (figures.drain_cpu(results, name, usual) for name in (contenders.OURS, contenders.EVENTS_OFF))
    reports = None if cpu is None or silent is None else cpu - silent
    yield Aim(f"worker's CPU per order at {usual} ms, reports on, in ms", 0.30, upper=True, value=cpu)
    yield Aim("of it for the reports, in ms", 0.03, upper=True, value=reports)
    for round_trip in results["size"]["round_trips"]:
        if round_trip < usual:
            yield _cpu_against_the_loop(results, round_trip)
    sends = middle(figures.taken(results, intake.OURS, intake.USUAL), figures.sends_per_order)
    settles = middle(ours, lambda record: calls_per_order(record, RECEIVE | DELETE))
    together = None if sends is None or settles is None else sends + settles
    yield Aim("SQS calls per order under load: send, receive and delete", 0.35, upper=True, value=together)
    idle = middle(measured(results.get(IDLE, []), contender=contenders.OURS), lambda record: record["per_minute"])
    yield Aim("SQS calls a minute of an idle worker", 3, upper=True, value=idle)
    on, off = (figures.drain_rate(results, name, usual) for name in (contenders.OURS, contenders.EVENTS_OFF))
    yield _times("drain with the reports of tasks on, by those without", 0.9, on, off)


def _cpu_against_the_loop(results: Record, round_trip: int) -> Aim:
    ours, loop = (figures.drain_cpu(results, name, round_trip) for name in (contenders.OURS, contenders.LOOP))
    detail = f"{ours:.2f} against {loop:.2f} ms" if ours is not None and loop is not None else ""
    what = f"worker's CPU per order at {round_trip} ms, by the batched hand loop's"
    return Aim(what, 1, upper=True, value=over(ours, loop), detail=detail)


def _intakes(results: Record) -> Iterator[Aim]:
    def taken(name: str) -> list[Record]:
        return figures.taken(results, name, intake.USUAL)

    ours = middle(taken(intake.OURS), rate)
    cpu = middle(taken(intake.OURS), lambda record: record["cpu_ms"])
    at = f"intake at {intake.USUAL} connections: "
    yield Aim(f"{at}CPU of a POST in the web process, in ms", 0.60, upper=True, value=cpu)
    yield _times(f"{at}times {intake.DELAY}", 3, ours, middle(taken(intake.DELAY), rate))
    yield _times(f"{at}share of Flask without a queue", 0.5, ours, middle(taken(intake.NO_QUEUE), rate))
    tail = middle(taken(intake.OURS), lambda record: record["p99_ms"] / record["p50_ms"])
    yield Aim(f"{at}p99 by p50", 3, upper=True, value=tail)


def _steadiness(results: Record) -> Iterator[Aim]:
    records = results.get(BACKLOG, [])
    few, many = min(results["size"]["backlogs"]), max(results["size"]["backlogs"])

    def at(who: str, orders: int) -> float | None:
        return middle(measured(records, who=who, orders=orders), rate)

    kept = over(at(contenders.OURS, many), at(contenders.OURS, few))
    emulator = over(at("emulator", many), at("emulator", few))
    detail = f"{kept:.2f} against {emulator:.2f}" if kept is not None and emulator is not None else ""
    yield Aim(
        f"rate kept from a backlog of {few} to one of {many}, by what the emulator alone keeps",
        0.9,
        upper=False,
        value=over(kept, emulator),
        detail=detail,
    )
    yield Aim(
        f"memory in the last quarter of {results['size']['memory_orders']} orders, by that in the second",
        1.05,
        upper=True,
        value=figures.memory_growth(results),
    )
