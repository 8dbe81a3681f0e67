"""What the framework uses of `threading`, of `concurrent.futures` and of sockets, for simulated threads.

A lock is not fair: whoever comes may have it before one that was woken for it.
"""

import collections
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from tests.simulation.virtual.scheduler import Scheduler, SimulatedThread


class Lock:
    """`threading.Lock`."""

    __slots__ = ("_scheduler", "_waiting", "owner")

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._waiting: list[SimulatedThread] = []
        self.owner: object = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        scheduler = self._scheduler
        scheduler.point()
        me = scheduler.current
        if self.owner is not None:
            if not blocking:
                return False
            deadline = None if timeout < 0 else scheduler.now + timeout
            while self.owner is not None:
                self._waiting.append(me)
                if not scheduler.block(deadline):
                    self._waiting.remove(me)
                    if self.owner is not None:
                        return False
        self.owner = me or self
        return True

    def release(self) -> None:
        scheduler = self._scheduler
        self.owner = None
        if self._waiting:
            position = int(scheduler.random.random() * len(self._waiting))
            scheduler.wake(self._waiting.pop(position))
        scheduler.point()

    def locked(self) -> bool:
        return self.owner is not None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class RLock(Lock):
    """`threading.RLock`."""

    __slots__ = ("_depth",)

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__(scheduler)
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self.owner is not None and self.owner is self._scheduler.current:
            self._depth += 1
            return True
        has_it = super().acquire(blocking, timeout)
        self._depth = 1 if has_it else self._depth
        return has_it

    def release(self) -> None:
        if self.owner is not (self._scheduler.current or self):
            self._scheduler.point()  # one that leaves at the end may have lost it
            raise RuntimeError("it is another thread's lock")
        self._depth -= 1
        if not self._depth:
            super().release()


class Condition:
    """`threading.Condition`."""

    def __init__(self, scheduler: Scheduler, lock: Any = None) -> None:
        self._scheduler = scheduler
        self._lock = RLock(scheduler) if lock is None else lock
        self._waiting: collections.deque[SimulatedThread] = collections.deque()

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        scheduler, me = self._scheduler, self._scheduler.current
        deadline = None if timeout is None else scheduler.now + max(0.0, timeout)
        self._waiting.append(me)
        self._lock.release()
        # One that was notified while it let go of the lock does not wait any more.
        is_notified = me not in self._waiting or scheduler.block(deadline)
        if not is_notified and me in self._waiting:
            self._waiting.remove(me)
        self._lock.acquire()
        return is_notified

    def notify(self, n: int = 1) -> None:
        for _ in range(min(n, len(self._waiting))):
            self._scheduler.wake(self._waiting.popleft())

    def notify_all(self) -> None:
        self.notify(len(self._waiting))


class Event:
    """`threading.Event`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_set = False
        self._waiting: list[SimulatedThread] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        waiting, self._waiting = self._waiting, []
        for thread in waiting:
            self._scheduler.wake(thread)
        self._scheduler.point()

    def clear(self) -> None:
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        scheduler = self._scheduler
        scheduler.point()
        if not self._is_set:
            me = scheduler.current
            self._waiting.append(me)
            if not scheduler.block(None if timeout is None else scheduler.now + timeout) and me in self._waiting:
                self._waiting.remove(me)
        return self._is_set


class Thread:
    """`threading.Thread`: it belongs to the process of the thread that starts it."""

    def __init__(
        self,
        scheduler: Scheduler,
        target: Callable[..., Any],
        args: Iterable[Any] = (),
        name: str = "thread",
        daemon: bool = True,
    ) -> None:
        self._scheduler = scheduler
        self._run = functools.partial(target, *args)
        self.name = name
        self._thread: SimulatedThread | None = None

    def start(self) -> None:
        self._thread = self._scheduler.spawn(self._scheduler.current.process, self.name, self._run)
        self._scheduler.point()

    def join(self, timeout: float | None = None) -> None:
        self._scheduler.point()
        if not self._thread.is_done:
            self._thread.joiners.append(self._scheduler.current)
            self._scheduler.block(None if timeout is None else self._scheduler.now + timeout)

    def is_alive(self) -> bool:
        return self._thread is not None and not self._thread.is_done


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


class Pipe:
    """Both ends of a socket pair."""

    def __init__(self, scheduler: Scheduler, number: int) -> None:
        self._scheduler = scheduler
        self._number = number
        self._bytes = 0
        self.on_readable: Callable[[], None] = lambda: None

    @property
    def is_readable(self) -> bool:
        return self._bytes > 0

    def fileno(self) -> int:
        return self._number

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def send(self, text: bytes) -> int:
        self._scheduler.point()
        self._bytes += len(text)
        self.on_readable()
        return len(text)

    def recv(self, count: int) -> bytes:
        if not self._bytes:
            raise BlockingIOError
        received, self._bytes = min(count, self._bytes), max(0, self._bytes - count)
        return bytes(received)

    def close(self) -> None:
        """Nobody asks for it any more."""
