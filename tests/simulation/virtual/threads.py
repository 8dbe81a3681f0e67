"""What the framework uses of `threading`, of `concurrent.futures` and of sockets, for simulated threads.

A lock is not fair: whoever comes may have it before one that was woken for it.
"""

import collections
import functools
from collections.abc import Callable, Iterable
from typing import Any

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
