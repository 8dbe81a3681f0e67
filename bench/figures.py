"""Figures from the raw results: medians, ratios and what was aimed at."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench import contenders, intake

Record = dict[str, Any]

RECEIVE: Final = frozenset({"ReceiveMessage"})
DELETE: Final = frozenset({"DeleteMessage", "DeleteMessageBatch"})
SEND: Final = frozenset({"SendMessage", "SendMessageBatch"})

NONE: Final = "-"
LIMIT: Final = "the emulator alone"


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
    """How many times the other one it is."""
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


@dataclass(frozen=True)
class Aim:
    """What the project aims at, and what a run shows.

    Attributes:
        what: is measured.
        bound: of it.
        upper: whether smaller is better.
        value: measured, if it was.
    """

    what: str
    bound: float
    upper: bool
    value: float | None

    @property
    def reached(self) -> bool:
        """Whether the run shows it."""
        if self.value is None:
            return False
        return self.value <= self.bound if self.upper else self.value >= self.bound


def aims(results: Record) -> list[Aim]:
    """All aims, at the largest round trip that was measured."""
    far = max(results["size"]["round_trips"])

    def drained(name: str) -> list[Record]:
        return measured(results["drain"], contender=name, round_trip_ms=far)

    def taken(name: str) -> list[Record]:
        return measured(results["intake"], application=name, round_trip_ms=max(results["size"]["intake_round_trips"]))

    ours, tuned, loop = (middle(drained(name), rate) for name in (contenders.OURS, contenders.TUNED, contenders.LOOP))
    own, delay, threads = (taken(name) for name in (intake.OURS, intake.DELAY, intake.DELAY_ON_THREADS))
    sends = middle(own, sends_per_order)
    settles = middle(drained(contenders.OURS), lambda record: calls_per_order(record, RECEIVE | DELETE))
    idle = middle(measured(results["idle"], contender=contenders.OURS), lambda record: record["per_minute"])
    slowest = [middle(records, lambda record: record["p99_ms"]) for records in (own, delay)]
    return [
        Aim(f"drain: times the tuned Celery, {far} ms", 20, False, over(ours, tuned)),
        Aim(f"drain: times the hand loop, {far} ms", 4, False, over(ours, loop)),
        Aim(
            f"SQS calls per order under load: send, receive and delete, {far} ms",
            0.35,
            True,
            None if sends is None or settles is None else sends + settles,
        ),
        Aim("SQS calls a minute of an idle worker", 3, True, idle),
        Aim(f"intake: times plain .delay(), {far} ms", 3, False, over(middle(own, rate), middle(delay, rate))),
        Aim(
            f"intake: times {intake.DELAY_ON_THREADS}, {far} ms",
            3,
            False,
            over(middle(own, rate), middle(threads, rate)),
        ),
        Aim(f"intake: p99 by plain .delay()'s, {far} ms", 1, True, over(*slowest)),
    ]
