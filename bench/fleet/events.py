"""The clock of the model, and the cores that its processes share."""

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from typing import Final

Action = Callable[[], None]

#: Seconds below which a rounding error may leave a rest of work.
_TINY: Final = 1e-12


class Events:
    """What happens next, in the order of its time; at the same time, in the order of its planning.

    Attributes:
        now: seconds since the beginning.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._planned: list[tuple[float, int, Action]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, action: Action) -> None:
        """Have something done so many seconds from now."""
        heapq.heappush(self._planned, (self.now + seconds, next(self._numbers), action))

    def run(self, until: float, is_over: Callable[[], bool] = lambda: False) -> None:
        """Do what is planned until a time, or until it is over."""
        while self._planned and self._planned[0][0] <= until and not is_over():
            self.now, _, action = heapq.heappop(self._planned)
            action()


class Cores:
    """Processor sharing: what computes shares the cores equally, and nothing gets more than one core.

    All work progresses at one rate, so what is left of each piece is known from one number, the progress so far.

    Args:
        events: the clock.
        count: how many cores there are; a fraction is allowed, infinity means that nothing waits.

    Attributes:
        busy: core-seconds of work that is done.
    """

    def __init__(self, events: Events, count: float) -> None:
        self._events = events
        self._count = count
        self._progress = 0.0
        self._updated_at = 0.0
        self._running: list[tuple[float, int, float, Action]] = []
        self._numbers = itertools.count()
        self._plan = 0
        self.busy = 0.0

    def compute(self, seconds: float, then: Action) -> None:
        """Do a piece of work that takes so many seconds on a core of its own."""
        self._update()
        heapq.heappush(self._running, (self._progress + seconds, next(self._numbers), seconds, then))
        self._plan_next()

    @property
    def _rate(self) -> float:
        return min(1.0, self._count / len(self._running)) if self._running else 1.0

    def _update(self) -> None:
        self._progress += (self._events.now - self._updated_at) * self._rate
        self._updated_at = self._events.now

    def _plan_next(self) -> None:
        self._plan += 1
        plan = self._plan
        if self._running:
            left = max(0.0, self._running[0][0] - self._progress)
            self._events.after(left / self._rate, lambda: self._finish(plan))

    def _finish(self, plan: int) -> None:
        if plan != self._plan:  # something has begun meanwhile, so the shares are others
            return
        self._update()
        done: list[Action] = []
        while self._running and self._running[0][0] <= self._progress + _TINY:
            _, _, seconds, then = heapq.heappop(self._running)
            self.busy += seconds
            done.append(then)
        self._plan_next()
        for then in done:
            then()


class Process:
    """A process that computes one thing at a time, as Python's threads do: a queue with one server.

    Args:
        cores: that it shares with others.
    """

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._waiting: deque[tuple[float, Action]] = deque()
        self._computes = False

    def compute(self, seconds: float, then: Action) -> None:
        """Do a piece of work after all that was asked for before."""
        self._waiting.append((seconds, then))
        if not self._computes:
            self._next()

    def _next(self) -> None:
        self._computes = bool(self._waiting)
        if self._computes:
            seconds, then = self._waiting.popleft()
            self._cores.compute(seconds, lambda: self._done(then))

    def _done(self, then: Action) -> None:
        self._next()
        then()
