"""Figures from the raw results: medians, ratios, calls and what they cost."""

from collections.abc import Callable, Iterable
from statistics import mean, median
from typing import Any, Final

from bench import contenders, intake, steps
from bench.size import DRAIN, IDLE, INTAKE, MEMORY, SCALE
from bench.sqs_http import BATCH
from celery_sqs.consume.polls import MOST_IN_FLIGHT

Record = dict[str, Any]

RECEIVE: Final = frozenset({"ReceiveMessage"})
DELETE: Final = frozenset({"DeleteMessage", "DeleteMessageBatch"})
SEND: Final = frozenset({"SendMessage", "SendMessageBatch"})

NONE: Final = "-"
EMULATOR: Final = "the emulator alone"

#: Dollars for a million requests to a standard queue after the free ones, in us-east-1: https://aws.amazon.com/sqs/pricing/
DOLLARS_PER_MILLION: Final = 0.40
_MINUTES_A_MONTH: Final = 60 * 24 * 30
_MS: Final = 1000


def measured(records: list[Record], **wanted: Any) -> list[Record]:
    """The records about something, without the failed ones."""
    return [record for record in about(records, **wanted) if "error" not in record]


def about(records: list[Record], **wanted: Any) -> list[Record]:
    """The records about something."""
    return [record for record in records if all(record.get(key) == value for key, value in wanted.items())]


def spread(records: list[Record], figure: Callable[[Record], float], form: str) -> str:
    """A median, with the extremes where there are any."""
    values = [figure(record) for record in records]
    extremes = f" ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else ""
    return f"{median(values):{form}}{extremes}"


def middle(records: list[Record], figure: Callable[[Record], float]) -> float | None:
    """A median, or None where nothing was measured."""
    values = [figure(record) for record in records]
    return median(values) if values else None


def over(one: float | None, other: float | None) -> float | None:
    """A ratio, or None where it cannot be calculated."""
    return one / other if one is not None and other else None


def shown(value: float | None, form: str, unit: str = "") -> str:
    """A figure as text, or a dash."""
    return NONE if value is None else f"{value:{form}}{unit}"


def rate(record: Record) -> float:
    """Orders per second."""
    return float(record["rate"])


def calls_per_order(record: Record, actions: frozenset[str]) -> float:
    """A drain's SQS calls of some actions per stored order."""
    calls: int = sum(count for action, count in record["calls"].items() if action in actions)
    return calls / int(record["stored"])


def other_calls(record: Record) -> int:
    """A drain's SQS calls that neither receive nor delete; their number does not grow with the orders."""
    return sum(count for action, count in record["calls"].items() if action not in RECEIVE | DELETE)


def sends_per_order(record: Record) -> float:
    """An intake's send calls per accepted order."""
    calls: int = sum(count for action, count in record["calls"].items() if action in SEND)
    return calls / int(record["accepted"])


def errors(record: Record) -> int:
    """An intake's answers but 202, and its lost connections."""
    return sum(record["errors"].values())


def drained(results: Record, name: str, round_trip: int) -> list[Record]:
    """A contender's drains."""
    return measured(results.get(DRAIN, []), contender=name, round_trip_ms=round_trip)


def drain_rate(results: Record, name: str, round_trip: int) -> float | None:
    """The median rate of a contender's drains."""
    return middle(drained(results, name, round_trip), rate)


def drain_cpu(results: Record, name: str, round_trip: int) -> float | None:
    """The median CPU of a contender's drains, in milliseconds an order."""
    return middle(drained(results, name, round_trip), lambda record: record["cpu_ms"])


def best(results: Record, names: Iterable[str], round_trip: int) -> tuple[str, float] | None:
    """The fastest of some contenders, and its rate."""
    rates = {name: drain_rate(results, name, round_trip) for name in names}
    known = {name: value for name, value in rates.items() if value is not None}
    return max(known.items(), key=lambda item: item[1]) if known else None


def scaled(results: Record, workers: int, concurrency: int | None) -> list[Record]:
    """The drains of so many of this project's workers together, with such a pool each."""
    return measured(results[SCALE], contender=contenders.OURS, workers=workers, concurrency=concurrency)


def emulator_rate(results: Record, round_trip: int) -> float | None:
    """The median rate of the emulator when it is asked directly."""
    return middle(measured(results.get(steps.EMULATOR, []), round_trip_ms=round_trip), rate)


def taken(results: Record, application: str, connections: int) -> list[Record]:
    """An application's intake runs."""
    return measured(results.get(INTAKE, []), application=application, connections=connections)


def bounds(results: Record, round_trip: int) -> list[tuple[str, float | None]]:
    """The upper bounds of this project's worker at a round trip, in orders per second, with their descriptions."""
    ours = drained(results, contenders.OURS, round_trip)
    cpu = middle(ours, lambda record: record["cpu_ms"])
    together = middle(ours, lambda record: record["cpu_ms"] + sum(record["shared_cpu_ms"].values()))
    emulator_cpu = middle(ours, lambda record: record["shared_cpu_ms"]["emulator"])
    cores = int(results["machine"]["cores"])
    commits = middle(measured(results.get(steps.DATABASE, []), rows=100), rate)
    polls = MOST_IN_FLIGHT * BATCH * _MS / round_trip if round_trip else None
    return [
        ("the emulator, asked directly with the same batched calls", emulator_rate(results, round_trip)),
        ("MariaDB, the same rows in statements of 100 on 2 connections, no queue", commits),
        ("one core of Python at the worker's CPU per order", over(_MS, cpu)),
        ("one core of Python at the emulator's CPU per order", over(_MS, emulator_cpu)),
        (f"all {cores} cores at the CPU per order of worker, emulator, MariaDB and proxy", over(cores * _MS, together)),
        (f"round trips: {MOST_IN_FLIGHT} polls of {BATCH} in flight", polls),
    ]


def dollars(results: Record, name: str, round_trip: int) -> tuple[float, float] | None:
    """A contender's calls per order, sending included, and dollars per million orders.

    The producers of the others send one SendMessage per order; the calls of this project's were measured.
    """
    records = drained(results, name, round_trip)
    settled = middle(records, lambda record: sum(record["calls"].values()) / record["stored"])
    sends = 1.0
    if name in {contenders.OURS, contenders.EVENTS_OFF}:
        own = middle(taken(results, intake.OURS, intake.USUAL), sends_per_order)
        if own is None:
            return None
        sends = own
    return None if settled is None else (settled + sends, (settled + sends) * DOLLARS_PER_MILLION)


def idle_dollars(results: Record, name: str) -> float | None:
    """What a worker with nothing to do costs in thirty days."""
    calls = middle(measured(results.get(IDLE, []), contender=name), lambda record: record["per_minute"])
    return None if calls is None else calls * _MINUTES_A_MONTH * DOLLARS_PER_MILLION / 1_000_000


def growth(record: Record) -> float | None:
    """A long run's memory in its last quarter by that in its second, when everything has been loaded."""
    samples, stored = record["samples"], record["stored"]
    second = [each["mib"] for each in samples if stored / 4 <= each["orders"] < stored / 2]
    last = [each["mib"] for each in samples if each["orders"] >= stored * 3 / 4]
    return mean(last) / mean(second) if second and last else None


def memory_growth(results: Record) -> float | None:
    """The growth of the long run."""
    runs = measured(results.get(MEMORY, []))
    return growth(runs[-1]) if runs else None
