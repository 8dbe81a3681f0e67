"""kombu's event loop, as the framework uses it: on a simulated thread, and in virtual time."""

import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

from tests.simulation.virtual.scheduler import Scheduler, SimulatedThread
from tests.simulation.virtual.seam import wall_clock

LONGEST_POLL: Final = 10.0  # seconds: kombu.asynchronous.hub.Hub.fire_timers
MOST_TIMERS: Final = 10  # in one iteration


class Timer:
    """One call that is to be made at a time."""

    def __init__(self, call: Callable[[], Any], every: float | None) -> None:
        self.call = call
        self.every = every
        self.is_cancelled = False

    def cancel(self) -> None:
        """Do not make it."""
        self.is_cancelled = True


class Hub:
    """An event loop. Its timers are those of a worker, too."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._numbers = itertools.count()
        self._soon: list[Callable[[], Any]] = []
        self._timers: list[tuple[float, int, Timer]] = []
        self._readers: dict[int, Callable[[], Any]] = {}
        self._thread: SimulatedThread | None = None

    def call_soon(self, call: Callable[..., Any], *args: Any) -> None:
        self._soon.append(lambda: call(*args))
        self.wake()

    def call_later(self, delay: float, call: Callable[..., Any], *args: Any) -> Timer:
        return self._add(delay, Timer(lambda: call(*args), None))

    def call_repeatedly(self, delay: float, call: Callable[..., Any], *args: Any) -> Timer:
        return self._add(delay, Timer(lambda: call(*args), delay))

    def call_at(self, at: float, call: Callable[..., Any], args: Sequence[Any] = (), **_: Any) -> Timer:
        """That of a worker's timer, by the wall clock."""
        return self.call_later(at - wall_clock(self._scheduler), call, *args)

    def call_after(self, delay: float, call: Callable[..., Any], args: Sequence[Any] = ()) -> Timer:
        """That of a worker's timer."""
        return self.call_later(delay, call, *args)

    def add_reader(self, number: int, call: Callable[..., Any], *args: Any) -> None:
        self._readers[number] = lambda: call(*args)
        self._scheduler.pipes[number].on_readable = self.wake

    def remove_reader(self, number: int) -> None:
        self._readers.pop(number, None)

    def wake(self) -> None:
        """From any thread: look again."""
        if self._thread is not None:
            self._scheduler.wake(self._thread)

    def iterate(self) -> None:
        """One iteration: what is to be done soon, in any order as kombu keeps a set of it; timers; what is readable."""
        self.do_soon()
        self._fire_timers()
        if not self._soon and not self._readable():
            until = min(self._timers[0][0] if self._timers else float("inf"), self._scheduler.now + LONGEST_POLL)
            self._thread = self._scheduler.current
            self._scheduler.block(until)
            self._thread = None
        for number in self._readable():
            self._readers[number]()

    def do_soon(self) -> None:
        """Do what is to be done soon, and nothing else."""
        soon, self._soon = self._soon, []
        if len(soon) > 1:
            self._scheduler.random.shuffle(soon)
        for call in soon:
            call()

    def _readable(self) -> list[int]:
        return [number for number in self._readers if self._scheduler.pipes[number].is_readable]

    def _fire_timers(self) -> None:
        for _ in range(MOST_TIMERS):
            if not self._timers or self._timers[0][0] > self._scheduler.now:
                return
            timer = heapq.heappop(self._timers)[2]
            if timer.is_cancelled:
                continue
            if timer.every is not None:
                self._add(timer.every, timer)
            timer.call()

    def _add(self, delay: float, timer: Timer) -> Timer:
        heapq.heappush(self._timers, (self._scheduler.now + delay, next(self._numbers), timer))
        return timer
