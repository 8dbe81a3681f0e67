"""The run: its steps in their order, each with an estimate, and the results as they come in."""

import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from rich.console import Console

from bench.contenders import TUNED, TUNINGS, Contender, Field
from bench.drain import drain
from bench.idle import idle
from bench.intake import APPLICATIONS, WARM_UP, intake
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
    scale=4000,
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
        label: what is done.
        estimate: seconds it will take, roughly.
        work: does it; gives records for a part of the results.
        part: which one.
    """

    label: str
    estimate: float
    work: Callable[[], Records]
    part: str


@dataclass
class Plan:
    """All steps of a run.

    Args:
        rig: the shared parts.
        field: the contenders.
        size: how much is run.
        parts: which parts of the results.
    """

    rig: Rig
    contenders: Field
    size: Size
    parts: Sequence[str]
    results: dict[str, Records] = field(default_factory=lambda: {"tuning": [], **{part: [] for part in PARTS}})

    def run(self, console: Console, save: Callable[[dict[str, Records]], None]) -> None:
        """Do everything; a step that fails is recorded as failed, and the next one begins."""
        steps = list(self._steps())
        begin, done = time.monotonic(), 0.0
        for number, step in enumerate(steps, start=1):
            with console.status(step.label):
                records = _tried(step)
            self.results[step.part] += records
            save(self.results)
            done += step.estimate
            pace = (time.monotonic() - begin) / done
            left = _clock(sum(later.estimate for later in steps[number:]) * pace)
            said = "; ".join(summary(record) for record in records)
            console.print(f"{number}/{len(steps)} {step.label}: {said}", f"({left} left)", highlight=False)

    def _steps(self) -> Iterator[Step]:
        if "drain" in self.parts:
            yield from self._tunings()
            yield from self._drains()
        if "intake" in self.parts:
            yield from self._intakes()
        if "idle" in self.parts:
            workers = self.contenders.all(self._best, self.size.round_trips[-1])
            yield Step(
                label=f"idle for {self.size.idle:.0f} s, all at once",
                estimate=self.size.idle + 3 * _AROUND,
                work=lambda: idle(self.rig, workers, self.size.idle),
                part="idle",
            )

    def _tunings(self) -> Iterator[Step]:
        if self.size.tunings == 1:
            return
        for round_trip in self.size.round_trips:
            for options in TUNINGS[: self.size.tunings]:
                contender = self.contenders.tuned(options)
                yield self._drain(contender, round_trip, self.size.tuning_limit, "tuning", {"options": options})

    def _drains(self) -> Iterator[Step]:
        for repetition in range(self.size.repetitions):
            for round_trip in self.size.round_trips:
                for position, contender in enumerate(self.contenders.all(self._best, round_trip)):
                    # The best options are known only when the step begins.
                    late = lambda position=position, round_trip=round_trip: self.contenders.all(  # noqa: E731
                        self._best, round_trip
                    )[position]
                    yield self._drain(contender, round_trip, self.size.limit, "drain", {"repetition": repetition}, late)

    def _drain(
        self,
        contender: Contender,
        round_trip: int,
        limit: float,
        part: str,
        about: dict[str, Any],
        late: Callable[[], Contender] | None = None,
    ) -> Step:
        def work() -> Records:
            return [drain(self.rig, late() if late else contender, round_trip, limit)]

        known = {"contender": contender.name, "round_trip_ms": round_trip, **about}
        label = ", ".join([contender.name, *([about["options"]] if "options" in about else []), f"{round_trip} ms"])
        return Step(label=label, estimate=limit / 2 + _AROUND, work=_with(known, work), part=part)

    def _intakes(self) -> Iterator[Step]:
        for repetition in range(self.size.repetitions):
            for round_trip in self.size.intake_round_trips:
                for application in APPLICATIONS:
                    known = {"application": application, "round_trip_ms": round_trip, "repetition": repetition}
                    yield Step(
                        label=f"intake, {application}, {round_trip} ms",
                        estimate=self.size.load + WARM_UP + _AROUND,
                        work=_with(known, lambda a=application, r=round_trip: [intake(self.rig, a, r, self.size.load)]),
                        part="intake",
                    )

    def _best(self, round_trip: int) -> str:
        """The options that drained fastest when they were tried."""
        return best_tuning(self.results["tuning"], round_trip)


def best_tuning(tried: Iterable[dict[str, Any]], round_trip: int) -> str:
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
    calls = sum(record["calls"].values()) / record["stored"]
    return f"{record['rate']:.0f} orders/s, {calls:.2f} calls/order ({record['stored']} of {record['backlog']} stored)"
