"""What is measured, in an order that spreads a change of the machine's mood over all contenders."""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median
from typing import Final

from bench import limit
from bench.backlog import backlog
from bench.cold import cold_web, cold_worker
from bench.contenders import NAMES, OURS, TUNED, TUNINGS, Field
from bench.drain import drain, drain_together
from bench.idle import idle
from bench.intake import APPLICATIONS, SETTLING, intake, loads
from bench.memory import memory_over
from bench.plan import Records, Results, Step
from bench.rig import Rig
from bench.size import BACKLOG, COLD, DRAIN, IDLE, INTAKE, MEMORY, SCALE, STEADY, Size
from bench.steady import WARM_UP as STEADY_WARM_UP
from bench.steady import steady

TUNING: Final = "tuning"
EMULATOR: Final = "emulator"
DATABASE: Final = "database"

_AROUND: Final = 4.0  # seconds that a run takes before and after what it measures, roughly
_FILLED: Final = 4000  # messages a second that go into a queue, roughly
_DRAINED: Final = 900  # orders a second in the long run, roughly


class Steps:
    """All steps of a run.

    Args:
        rig: the shared parts.
        field: who drains.
        size: how much is run.
        results: of the steps before, which some build on.
    """

    def __init__(self, rig: Rig, field: Field, size: Size, results: Results) -> None:
        self._rig = rig
        self._field = field
        self._size = size
        self._results = results

    def of(self, parts: Sequence[str]) -> list[Step]:
        """The steps of some parts."""
        makers = {
            DRAIN: self._drains,
            STEADY: self._steadies,
            BACKLOG: self._backlogs,
            SCALE: self._scales,
            MEMORY: self._memories,
            INTAKE: self._intakes,
            COLD: self._colds,
            IDLE: self._idles,
        }
        return [step for part, make in makers.items() if part in parts for step in make()]

    def _drains(self) -> Iterator[Step]:
        size = self._size
        if size.tunings > 1:
            for round_trip, options in itertools.product(size.round_trips, TUNINGS[: size.tunings]):
                yield Step(
                    part=TUNING,
                    about={"contender": TUNED, "round_trip_ms": round_trip, "options": options},
                    estimate=size.tuning_limit + _AROUND,
                    work=partial(self._drained, TUNED, round_trip, size.tuning_limit, options),
                )
        for repetition, round_trip in itertools.product(range(size.repetitions), size.round_trips):
            known = {"round_trip_ms": round_trip, "repetition": repetition}
            for name in NAMES:
                yield Step(
                    part=DRAIN,
                    about={"contender": name, **known},
                    estimate=size.limit * 0.8 + _AROUND,
                    work=partial(self._drained, name, round_trip, size.limit),
                )
            yield Step(
                part=EMULATOR,
                about=known,
                estimate=size.ceiling + _AROUND / 2,
                work=partial(self._emulator, round_trip),
            )
            if round_trip == size.usual:
                yield Step(
                    part=DATABASE,
                    about={"repetition": repetition},
                    estimate=len(limit.ROWS) * (size.ceiling + _AROUND / 2),
                    work=partial(limit.database, self._rig, size.ceiling),
                )

    def _steadies(self) -> Iterator[Step]:
        size = self._size
        for repetition, name in itertools.product(range(size.repetitions), size.steady_names):
            yield Step(
                part=STEADY,
                about={"contender": name, "round_trip_ms": size.usual, "repetition": repetition},
                estimate=STEADY_WARM_UP + size.steady + _AROUND,
                work=partial(self._steady, name),
            )

    def _backlogs(self) -> Iterator[Step]:
        size = self._size
        for repetition, orders in itertools.product(range(size.repetitions), size.backlogs):
            yield Step(
                part=BACKLOG,
                about={"orders": orders, "round_trip_ms": size.usual, "repetition": repetition},
                estimate=orders / _FILLED + 1.5 * min(size.backlog_limit, orders / _DRAINED) + _AROUND,
                work=partial(self._backlog, orders),
            )

    def _scales(self) -> Iterator[Step]:
        size = self._size
        several = [(name, count, None) for name, counts in size.workers.items() for count in counts]
        pools = [(OURS, 1, concurrency) for concurrency in size.concurrency]
        for repetition, (name, count, concurrency) in itertools.product(range(size.repetitions), [*several, *pools]):
            known = {"contender": name, "workers": count, "concurrency": concurrency}
            yield Step(
                part=SCALE,
                about={**known, "round_trip_ms": size.usual, "repetition": repetition},
                estimate=size.limit / 2 + _AROUND * (1 + count / 2),
                work=partial(self._scale, name, count, concurrency),
            )

    def _memories(self) -> Iterator[Step]:
        size = self._size
        yield Step(
            part=MEMORY,
            about={"contender": OURS, "round_trip_ms": 0},
            estimate=min(size.memory_limit, size.memory_orders / _DRAINED) + _AROUND,
            work=lambda: [memory_over(self._rig, self._field.named(OURS), 0, size.memory_orders, size.memory_limit)],
        )

    def _intakes(self) -> Iterator[Step]:
        size = self._size
        for repetition, application in itertools.product(range(size.repetitions), APPLICATIONS):
            yield Step(
                part=INTAKE,
                about={"application": application, "round_trip_ms": size.usual, "repetition": repetition},
                estimate=len(loads(application, size.connections)) * (SETTLING + size.load + 0.5)
                + size.warm_up
                + _AROUND,
                work=partial(intake, self._rig, application, size.usual, size.connections, size.warm_up, size.load),
            )

    def _colds(self) -> Iterator[Step]:
        size = self._size
        for repetition in range(size.repetitions):
            for name in size.cold_names:
                yield Step(
                    part=COLD,
                    about={"what": "worker", "name": name, "repetition": repetition},
                    estimate=_AROUND,
                    work=partial(self._cold_worker, name),
                )
            for application in size.cold_webs:
                yield Step(
                    part=COLD,
                    about={"what": "web", "name": application, "repetition": repetition},
                    estimate=_AROUND,
                    work=partial(self._cold_web, application),
                )

    def _idles(self) -> Iterator[Step]:
        size = self._size
        yield Step(part=IDLE, about={}, estimate=size.idle + len(size.idle_names) * _AROUND / 2, work=self._idle)

    def _drained(self, name: str, round_trip: int, seconds: float, options: str | None = None) -> Records:
        chosen = options or (best_tuning(self._results.get(TUNING, []), round_trip) if name == TUNED else "")
        contender = self._field.named(name, chosen)
        used = {"options": chosen} if chosen else {}
        orders = contender.orders(self._size.orders, round_trip)
        return [used | drain(self._rig, contender, round_trip, orders, seconds)]

    def _emulator(self, round_trip: int) -> Records:
        form = self._field.named(OURS).form
        return [limit.emulator(self._rig, form, self._size.orders, round_trip, self._size.ceiling)]

    def _steady(self, name: str) -> Records:
        usual = self._size.usual
        rates = [
            record["rate"]
            for record in self._results.get(DRAIN, [])
            if record["contender"] == name and record["round_trip_ms"] == usual and "rate" in record
        ]
        # Alone, without the drains, it has to find its peak itself.
        peak = median(rates) if rates else self._drained(name, usual, self._size.limit)[0]["rate"]
        options = best_tuning(self._results.get(TUNING, []), usual) if name == TUNED else ""
        return [steady(self._rig, self._field.named(name, options), usual, peak, self._size.steady)]

    def _backlog(self, orders: int) -> Records:
        return backlog(self._rig, self._field.named(OURS), self._size.usual, orders, self._size.backlog_limit)

    def _scale(self, name: str, count: int, concurrency: int | None) -> Records:
        contender = self._field.named(name, f"-c {concurrency}" if concurrency else "")
        return [drain_together(self._rig, contender, self._size.usual, self._size.orders, self._size.limit, count)]

    def _cold_worker(self, name: str) -> Records:
        options = TUNINGS[0] if name == TUNED else ""
        return [cold_worker(self._rig, self._field.named(name, options), self._size.usual)]

    def _cold_web(self, application: str) -> Records:
        return [cold_web(self._rig, application, self._size.usual)]

    def _idle(self) -> Records:
        options = best_tuning(self._results.get(TUNING, []), self._size.usual)
        # One that cannot run must not keep the others from idling.
        names = [name for name in self._size.idle_names if self._field.prepare(name) is None]
        return idle(
            self._rig,
            [self._field.named(name, options if name == TUNED else "") for name in names],
            self._size.idle,
        )


def best_tuning(tried: Records, round_trip: int) -> str:
    """The options that drained fastest at a round trip; the first ones where nothing was tried."""
    there = [record for record in tried if record["round_trip_ms"] == round_trip and "rate" in record]
    best: str = max(there, key=lambda record: record["rate"])["options"] if there else TUNINGS[0]
    return best
