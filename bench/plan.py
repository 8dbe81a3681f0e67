"""The run: its steps in their order, each with an estimate, and the results as they come in."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final

from rich.console import Console

from bench.contenders import NAMES, TUNED, TUNINGS, Field
from bench.drain import drain
from bench.idle import idle
from bench.intake import APPLICATIONS, WARM_UP, intake
from bench.limit import limit
from bench.rig import Rig
from tests.processes import ROOT

_AROUND: Final = 5.0  # seconds that a run takes before and after what it measures, roughly

Records = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is run.

    Attributes:
        repetitions: of each measurement; the report shows medians.
        round_trips: milliseconds added to the SQS calls, for the drains.
        intake_round_trips: the same, for the intake.
        scale: orders in the longest backlog.
        limit: seconds after which a drain is cut; its rate is that of the orders stored by then.
        tunings: how many of `TUNINGS` are tried.
        tuning_limit: seconds after which such a try is cut.
        load: seconds of load per intake run.
        idle: seconds of idling.
    """

    repetitions: int
    round_trips: Sequence[int]
    intake_round_trips: Sequence[int]
    scale: int
    limit: float
    tunings: int
    tuning_limit: float
    load: float
    idle: float


FULL: Final = Size(
    repetitions=5,
    round_trips=(0, 10),
    intake_round_trips=(0, 10),
    scale=3000,
    limit=25,
    tunings=len(TUNINGS),
    tuning_limit=10,
    load=10,
    idle=60,
)
QUICK: Final = Size(
    repetitions=1,
    round_trips=(0, 10),
    intake_round_trips=(10,),
    scale=1000,
    limit=8,
    tunings=1,
    tuning_limit=0,
    load=4,
    idle=20,
)

PARTS: Final = ("drain", "intake", "idle")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One line of the progress display.

    Attributes:
        part: of the results, which takes what comes of it.
        about: what all its records say, also when it fails.
        estimate: seconds it will take, roughly.
        work: does it; gives records.
    """

    part: str
    about: dict[str, Any]
    estimate: float
    work: Callable[[], Records]

    def tried(self) -> Records:
        """Its records; one with the error where it fails, so that the others are still measured."""
        try:
            return [self.about | record for record in self.work()]
        # Whatever it is: an hour of other measurements must not be lost with it.
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            reason = f"{type(error).__name__}: {lines[-1][:300]}"
            return [self.about | {"error": reason.replace(str(ROOT), ".").replace(tempfile.gettempdir(), "...")}]

    def __str__(self) -> str:
        """What it does, in a few words."""
        return ", ".join([self.part, *(str(value) for key, value in self.about.items() if key != "repetition")])


@dataclass
class Plan:
    """All steps of a run.

    Args:
        rig: the shared parts.
        contenders: who drains.
        size: how much is run.
        parts: which parts of the results.
    """

    rig: Rig
    contenders: Field
    size: Size
    parts: Sequence[str]
    results: dict[str, Records] = field(default_factory=lambda: {part: [] for part in ("tuning", "limit", *PARTS)})

    def run(self, console: Console, save: Callable[[dict[str, Records]], None]) -> None:
        """Do everything, in an order that spreads a change of the machine's mood over all contenders."""
        steps = list(self._steps())
        begin, done = time.monotonic(), 0.0
        for number, step in enumerate(steps, start=1):
            with console.status(str(step)):
                records = step.tried()
            self.results[step.part] += records
            save(self.results)
            done += step.estimate
            pace = (time.monotonic() - begin) / done
            left = timedelta(seconds=round(pace * sum(later.estimate for later in steps[number:])))
            said = "; ".join(summary(record) for record in records)
            console.print(f"{number}/{len(steps)} {step}: {said} (about {left} left)", highlight=False, markup=False)

    def _steps(self) -> Iterator[Step]:
        if "drain" in self.parts:
            yield from self._tunings()
            yield from self._drains()
        if "intake" in self.parts:
            yield from self._intakes()
        if "idle" in self.parts:
            yield Step(
                part="idle", about={}, estimate=self.size.idle + len(NAMES) * _AROUND / 2, work=self._idle_together
            )

    def _tunings(self) -> Iterator[Step]:
        if self.size.tunings == 1:
            return
        for round_trip, options in itertools.product(self.size.round_trips, TUNINGS[: self.size.tunings]):
            yield Step(
                part="tuning",
                about={"contender": TUNED, "round_trip_ms": round_trip, "options": options},
                estimate=self.size.tuning_limit + _AROUND,
                work=partial(self._drained, TUNED, round_trip, self.size.tuning_limit, options),
            )

    def _drains(self) -> Iterator[Step]:
        for repetition, round_trip in itertools.product(range(self.size.repetitions), self.size.round_trips):
            known = {"round_trip_ms": round_trip, "repetition": repetition}
            for name in NAMES:
                yield Step(
                    part="drain",
                    about={"contender": name, **known},
                    estimate=self.size.limit / 2 + _AROUND,
                    work=partial(self._drained, name, round_trip, self.size.limit),
                )
            yield Step(part="limit", about=known, estimate=_AROUND, work=partial(self._limited, round_trip))

    def _intakes(self) -> Iterator[Step]:
        for repetition, round_trip, application in itertools.product(
            range(self.size.repetitions), self.size.intake_round_trips, APPLICATIONS
        ):
            yield Step(
                part="intake",
                about={"application": application, "round_trip_ms": round_trip, "repetition": repetition},
                estimate=self.size.load + WARM_UP + _AROUND,
                work=partial(self._taken_in, application, round_trip),
            )

    def _drained(self, name: str, round_trip: int, limit: float, options: str | None = None) -> Records:
        chosen = options or best_tuning(self.results["tuning"], round_trip)
        contender = self.contenders.named(name, chosen)
        used = {"options": chosen} if name == TUNED else {}
        return [used | drain(self.rig, contender, round_trip, limit)]

    def _taken_in(self, application: str, round_trip: int) -> Records:
        return [intake(self.rig, application, round_trip, self.size.load)]

    def _limited(self, round_trip: int) -> Records:
        return [limit(self.rig, self.contenders.own, self.size.scale, round_trip)]

    def _idle_together(self) -> Records:
        chosen = best_tuning(self.results["tuning"], max(self.size.round_trips))
        return idle(self.rig, [self.contenders.named(name, chosen) for name in NAMES], self.size.idle)


def best_tuning(tried: Records, round_trip: int) -> str:
    """The options that drained fastest at a round trip; the first ones where nothing was tried."""
    there = [record for record in tried if record["round_trip_ms"] == round_trip and "rate" in record]
    best: str = max(there, key=lambda record: record["rate"])["options"] if there else TUNINGS[0]
    return best


def summary(record: dict[str, Any]) -> str:
    """A record in a few words."""
    if "error" in record:
        return f"failed: {record['error']}"
    if "per_minute" in record:
        return f"{record['contender']} {record['per_minute']:.1f} calls/min"
    if "p99_ms" in record:
        errors = f", errors {record['errors']}" if record["errors"] else ""
        return f"{record['rate']:.0f} orders/s, p99 {record['p99_ms']:.0f} ms{errors}"
    if "stored" not in record:
        return f"{record['rate']:.0f} orders/s"
    calls = sum(record["calls"].values()) / record["stored"]
    return f"{record['rate']:.0f} orders/s, {calls:.2f} calls/order ({record['stored']} of {record['backlog']} stored)"
