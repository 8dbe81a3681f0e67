"""All measurements, in an order that spreads changes of the machine's speed over all contenders."""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median
from typing import Final

from bench import upper_bounds
from bench.backlog import backlog
from bench.cold_start import cold_web, cold_worker
from bench.contenders import NAMES, OURS, TUNED, TUNINGS, Contenders
from bench.drain import drain, drain_together
from bench.idle import idle
from bench.intake import APPLICATIONS, SETTLING, intake, loads
from bench.memory import memory_over
from bench.plan import Records, Results, Step
from bench.size import BACKLOG, COLD, DRAIN, IDLE, INTAKE, MEMORY, SCALE, STEADY, Size
from bench.steady import WARM_UP as STEADY_WARM_UP
from bench.steady import steady
from bench.testbed import Testbed

TUNING: Final = "tuning"
EMULATOR: Final = "emulator"
DATABASE: Final = "database"

_OVERHEAD: Final = 4.0  # seconds that a run takes before and after its measurement, roughly
_PREFILL_RATE: Final = 4000  # messages a second that are sent to a queue, roughly
_DRAIN_RATE: Final = 900  # orders a second in the long run, roughly


class Steps:
    """All steps of a run.

    Args:
        testbed: where to run.
        contenders: the workers.
        size: of the run.
        results: of earlier steps, which some steps need.
    """

    def __init__(self, testbed: Testbed, contenders: Contenders, size: Size, results: Results) -> None:
        self._testbed = testbed
        self._contenders = contenders
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
                    estimate=size.tuning_limit + _OVERHEAD,
                    work=partial(self._drained, TUNED, round_trip, size.tuning_limit, options),
                )
        for repetition, round_trip in itertools.product(range(size.repetitions), size.round_trips):
            known = {"round_trip_ms": round_trip, "repetition": repetition}
            for name in NAMES:
                yield Step(
                    part=DRAIN,
                    about={"contender": name, **known},
                    estimate=size.limit * 0.8 + _OVERHEAD,
                    work=partial(self._drained, name, round_trip, size.limit),
                )
            yield Step(
                part=EMULATOR,
                about=known,
                estimate=size.ceiling + _OVERHEAD / 2,
                work=partial(self._emulator, round_trip),
            )
            if round_trip == size.usual:
                yield Step(
                    part=DATABASE,
                    about={"repetition": repetition},
                    estimate=len(upper_bounds.ROWS) * (size.ceiling + _OVERHEAD / 2),
                    work=partial(upper_bounds.database, self._testbed, size.ceiling),
                )

    def _steadies(self) -> Iterator[Step]:
        size = self._size
        for repetition, name in itertools.product(range(size.repetitions), size.steady_names):
            yield Step(
                part=STEADY,
                about={"contender": name, "round_trip_ms": size.usual, "repetition": repetition},
                estimate=STEADY_WARM_UP + size.steady + _OVERHEAD,
                work=partial(self._steady, name),
            )

    def _backlogs(self) -> Iterator[Step]:
        size = self._size
        for repetition, orders in itertools.product(range(size.repetitions), size.backlogs):
            yield Step(
                part=BACKLOG,
                about={"orders": orders, "round_trip_ms": size.usual, "repetition": repetition},
                estimate=orders / _PREFILL_RATE + 1.5 * min(size.backlog_limit, orders / _DRAIN_RATE) + _OVERHEAD,
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
                estimate=size.limit / 2 + _OVERHEAD * (1 + count / 2),
                work=partial(self._scale, name, count, concurrency),
            )

    def _memories(self) -> Iterator[Step]:
        size = self._size
        yield Step(
            part=MEMORY,
            about={"contender": OURS, "round_trip_ms": 0},
            estimate=min(size.memory_limit, size.memory_orders / _DRAIN_RATE) + _OVERHEAD,
            work=lambda: [
                memory_over(self._testbed, self._contenders.named(OURS), 0, size.memory_orders, size.memory_limit)
            ],
        )

    def _intakes(self) -> Iterator[Step]:
        size = self._size
        for repetition, application in itertools.product(range(size.repetitions), APPLICATIONS):
            yield Step(
                part=INTAKE,
                about={"application": application, "round_trip_ms": size.usual, "repetition": repetition},
                estimate=len(loads(application, size.connections)) * (SETTLING + size.load + 0.5)
                + size.warm_up
                + _OVERHEAD,
                work=partial(intake, self._testbed, application, size.usual, size.connections, size.warm_up, size.load),
            )

    def _colds(self) -> Iterator[Step]:
        size = self._size
        for repetition in range(size.repetitions):
            for name in size.cold_names:
                yield Step(
                    part=COLD,
                    about={"what": "worker", "name": name, "repetition": repetition},
                    estimate=_OVERHEAD,
                    work=partial(self._cold_worker, name),
                )
            for application in size.cold_webs:
                yield Step(
                    part=COLD,
                    about={"what": "web", "name": application, "repetition": repetition},
                    estimate=_OVERHEAD,
                    work=partial(self._cold_web, application),
                )

    def _idles(self) -> Iterator[Step]:
        size = self._size
        yield Step(part=IDLE, about={}, estimate=size.idle + len(size.idle_names) * _OVERHEAD / 2, work=self._idle)

    def _drained(self, name: str, round_trip: int, seconds: float, options: str | None = None) -> Records:
        chosen = options or (best_tuning(self._results.get(TUNING, []), round_trip) if name == TUNED else "")
        contender = self._contenders.named(name, chosen)
        used = {"options": chosen} if chosen else {}
        orders = contender.orders(self._size.orders, round_trip)
        return [used | drain(self._testbed, contender, round_trip, orders, seconds)]

    def _emulator(self, round_trip: int) -> Records:
        make_message = self._contenders.named(OURS).make_message
        return [upper_bounds.emulator(self._testbed, make_message, self._size.orders, round_trip, self._size.ceiling)]

    def _steady(self, name: str) -> Records:
        usual = self._size.usual
        rates = [
            record["rate"]
            for record in self._results.get(DRAIN, [])
            if record["contender"] == name and record["round_trip_ms"] == usual and "rate" in record
        ]
        # Without the drains of a full run the peak has to be measured first.
        peak = median(rates) if rates else self._drained(name, usual, self._size.limit)[0]["rate"]
        options = best_tuning(self._results.get(TUNING, []), usual) if name == TUNED else ""
        return [steady(self._testbed, self._contenders.named(name, options), usual, peak, self._size.steady)]

    def _backlog(self, orders: int) -> Records:
        return backlog(self._testbed, self._contenders.named(OURS), self._size.usual, orders, self._size.backlog_limit)

    def _scale(self, name: str, count: int, concurrency: int | None) -> Records:
        contender = self._contenders.named(name, f"-c {concurrency}" if concurrency else "")
        return [drain_together(self._testbed, contender, self._size.usual, self._size.orders, self._size.limit, count)]

    def _cold_worker(self, name: str) -> Records:
        options = TUNINGS[0] if name == TUNED else ""
        return [cold_worker(self._testbed, self._contenders.named(name, options), self._size.usual)]

    def _cold_web(self, application: str) -> Records:
        return [cold_web(self._testbed, application, self._size.usual)]

    def _idle(self) -> Records:
        options = best_tuning(self._results.get(TUNING, []), self._size.usual)
        # A contender that cannot run must not keep the others from being measured.
        names = [name for name in self._size.idle_names if self._contenders.prepare(name) is None]
        return idle(
            self._testbed,
            [self._contenders.named(name, options if name == TUNED else "") for name in names],
            self._size.idle,
        )


def best_tuning(tried: Records, round_trip: int) -> str:
    """The options that drained fastest at a round trip; the first ones where nothing was tried."""
    records = [record for record in tried if record["round_trip_ms"] == round_trip and "rate" in record]
    best: str = max(records, key=lambda record: record["rate"])["options"] if records else TUNINGS[0]
    return best
