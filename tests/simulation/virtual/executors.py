"""Thread pools of simulated threads: what the framework uses of `concurrent.futures`."""

import collections
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from tests.simulation.virtual.scheduler import Scheduler, SimulatedThread
from tests.simulation.virtual.threads import Event


class Executor:
    """`concurrent.futures.ThreadPoolExecutor`, which is another one in each process."""

    def __init__(self, scheduler: Callable[[], Scheduler], max_workers: int, thread_name_prefix: str = "") -> None:
        self._scheduler = scheduler
        self._most = max_workers
        self._name = thread_name_prefix

    @property
    def _own(self) -> "_Workers":
        scheduler = self._scheduler()
        return scheduler.current.process.executors.setdefault(self, _Workers(scheduler, self._most, self._name))

    def submit(self, call: Callable[..., Any], *args: Any) -> "_Future":
        return self._own.submit(functools.partial(call, *args))

    def map(self, call: Callable[..., Any], *iterables: Iterable[Any]) -> Iterator[Any]:
        return iter(
            [future.result() for future in [self.submit(call, *each) for each in zip(*iterables, strict=False)]]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._own.close()
        del self._scheduler().current.process.executors[self]


class _Workers:
    def __init__(self, scheduler: Scheduler, most: int, name: str) -> None:
        self._scheduler = scheduler
        self._most = most
        self._name = name
        self._numbers = itertools.count()
        self._work: collections.deque[tuple[Callable[[], Any], _Future]] = collections.deque()
        self._idle: collections.deque[SimulatedThread] = collections.deque()
        self._drained = Event(scheduler)
        self._threads = 0
        self._is_closed = False

    def submit(self, call: Callable[[], Any]) -> "_Future":
        future = _Future(self._scheduler)
        self._work.append((call, future))
        if self._idle:
            self._scheduler.wake(self._idle.popleft())
        elif self._threads < self._most:
            self._threads += 1
            name = f"{self._name}_{next(self._numbers)}"
            self._scheduler.spawn(self._scheduler.current.process, name, self._run)
        self._scheduler.point()
        return future

    def drain(self) -> None:
        """Wait until all is done that was submitted."""
        while self._work or len(self._idle) < self._threads:
            self._drained.clear()
            self._drained.wait()

    def close(self) -> None:
        """The same, and end the threads."""
        self.drain()
        self._is_closed = True
        for thread in self._idle:
            self._scheduler.wake(thread)

    def _run(self) -> None:
        while not self._is_closed:
            while self._work:
                call, future = self._work.popleft()
                try:
                    future.set(call(), None)
                except Exception as error:
                    future.set(None, error)
            me = self._scheduler.current
            self._idle.append(me)
            self._drained.set()
            if not self._work:
                self._scheduler.block()
            if me in self._idle and not self._is_closed:
                self._idle.remove(me)


class _Future:
    def __init__(self, scheduler: Scheduler) -> None:
        self._done = Event(scheduler)
        self._outcome: tuple[Any, Exception | None] = None, None

    def set(self, result: Any, error: Exception | None) -> None:
        self._outcome = result, error
        self._done.set()

    def result(self) -> Any:
        self._done.wait()
        result, error = self._outcome
        if error is not None:
            raise error
        return result
