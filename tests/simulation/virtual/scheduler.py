"""The scheduler: one simulated thread runs at a time, a seed decides which, and time passes only when none can run."""

import heapq
import itertools
from collections.abc import Callable
from random import Random
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from tests.simulation.virtual.processes import Process, SimulatedThread

TICK = 1e-6  # seconds that each wait takes at the least: a real clock goes on meanwhile
STEPS = 2_000_000  # of one life; one that takes more is taken for one without an end


class Killed(GreenletExit):
    """The life is over: each thread that has not ended leaves, and nothing that it does on its way matters any more."""


class Violation(AssertionError):
    """What must not happen has happened."""


class Scheduler:
    """Runs simulated threads until `end` is called, or nothing can go on.

    Args:
        seed: decides everything that is left open.
        preempts: how probable it is that another thread runs at a point where one could.
        stalls: how probable it is that a thread is held up at such a point, by a busy processor.
        longest_stall: seconds, at the most.
        is_traced: whether `trace` keeps a line for each event.
        steps: how many there may be.

    Attributes:
        random: all chance of a life.
        now: virtual seconds since the beginning.
        current: the thread that runs; None between them.
        digest: a number that is the same for the same run.
        trace: what has happened.
        pipes: sockets, by their numbers.
        processes: all there have been.
    """

    def __init__(
        self,
        seed: int,
        preempts: float = 0.1,
        stalls: float = 0.0,
        longest_stall: float = 0.5,
        is_traced: bool = False,
        steps: int = STEPS,
    ) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.current: SimulatedThread | None = None
        self.steps = 0
        self.digest = 0
        self.trace: list[str] = []
        self.is_traced = is_traced
        self.preempts, self.stalls, self.longest_stall = preempts, stalls, longest_stall
        self.pipes: dict[int, Any] = {}
        self._most_steps = steps
        self._runnable: list[SimulatedThread] = []
        self._timers: list[tuple[float, int, SimulatedThread, int]] = []
        self._numbers = itertools.count(1)
        self._main = getcurrent()
        self.processes: list[Process] = []
        self._killed: list[SimulatedThread] = []
        self._failure: BaseException | None = None
        self._is_over = self._ends_by_itself = False

    def process(self, name: str) -> Process:
        """A new process."""
        process = Process(name)
        self.processes.append(process)
        return process

    def spawn(self, process: Process, name: str, run: Callable[[], Any]) -> SimulatedThread:
        """Start a thread."""
        thread = SimulatedThread(process, name, next(self._numbers))
        thread.greenlet = greenlet(lambda: self._body(thread, run), self._main)
        process.threads[thread] = None
        self._runnable.append(thread)
        return thread

    def run(self) -> None:
        """Run until the end, and leave no thread behind.

        Raises:
            Violation: a thread has raised, all of them wait for each other, or there is no end.
        """
        self._main = getcurrent()
        try:
            while (thread := self._next()) is not None:
                self.current = thread
                thread.greenlet.switch()
            self.current = None
        finally:
            self._dispose()
        if self._failure is not None:
            raise self._failure

    def run_while_alive(self) -> None:
        """Run until no thread is left; see `run`."""
        self._ends_by_itself = True
        self.run()

    def end(self) -> None:
        """Let nothing go on any more."""
        self._is_over = True
        self.point()

    def fail(self, failure: BaseException) -> None:
        """End with a violation; the first one counts."""
        self._failure = self._failure or failure
        self._is_over = True

    def note(self, *what: Any) -> None:
        """Keep a line for whoever reads the trace, and make it a part of the digest."""
        if self.is_traced:
            thread = self.current
            who = f"{thread.process.name} {thread.name}" if thread else ""
            self.trace.append(f"{self.now:12.4f} {who:32} {' '.join(map(str, what))}")

    def point(self) -> None:
        """Here another thread may run."""
        me = self.current
        if me is None:
            return
        if me.is_killed:
            raise Killed
        chance = self.random.random()
        if chance < self.stalls:
            self.block(self.now + self.random.random() * self.longest_stall)
        elif self._is_over or (chance < self.stalls + self.preempts and self._runnable):
            self._runnable.append(me)
            self._leave(me)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.block(self.now + max(0.0, seconds))

    def block(self, deadline: float | None = None) -> bool:
        """Wait until another thread wakes this one, or until a time; says whether it was woken."""
        me = self.current
        if me is None:
            raise Violation("something waits outside of all threads")
        if me.is_killed:
            raise Killed
        me.ticket += 1
        me.is_blocked, me.is_woken = True, False
        if deadline is not None:
            deadline = max(deadline, self.now + TICK)
            heapq.heappush(self._timers, (deadline, next(self._numbers), me, me.ticket))
        self._leave(me)
        return me.is_woken

    def wake(self, thread: SimulatedThread) -> None:
        """Have a thread that waits go on."""
        if thread.is_blocked:
            thread.is_blocked, thread.is_woken = False, True
            thread.ticket += 1
            self._runnable.append(thread)

    def kill(self, process: Process) -> None:
        """End all threads of a process where they are, as SIGKILL does, without cleaning up; also the caller's own."""
        process.is_alive = False
        for thread in list(process.threads):
            thread.is_killed, thread.is_blocked = True, False
            thread.ticket += 1
            if thread in self._runnable:
                self._runnable.remove(thread)
            self._killed.append(thread)
            self._ended(thread)
        if self.current.process is process:
            self._leave(self.current)

    def _body(self, thread: SimulatedThread, run: Callable[[], Any]) -> None:
        try:
            run()
        except BaseException as error:
            if thread.is_killed:
                return
            self.note("raises", repr(error))
            self.fail(error)
        self._ended(thread)

    def _ended(self, thread: SimulatedThread) -> None:
        thread.is_done = True
        thread.process.threads.pop(thread, None)
        for each in thread.joiners:
            self.wake(each)

    def _dispose(self) -> None:
        """Let go of all threads: what is left of them would run when they are collected."""
        self.is_traced = False
        for thread in [*self._killed, *(thread for process in self.processes for thread in process.threads)]:
            thread.is_killed, self.current = True, thread
            thread.greenlet.throw(Killed)
        self.current = None

    def _leave(self, me: SimulatedThread) -> None:
        """Let the next thread run; returns when this one is to go on."""
        thread = self._next()
        if thread is not me:
            self.current = thread
            (self._main if thread is None else thread.greenlet).switch()
        if me.is_killed:
            raise Killed

    def _next(self) -> SimulatedThread | None:
        """The thread that is to run now; None at the end."""
        while not self._is_over:
            if not self._runnable:
                if not self._passes_time():
                    return None
                continue
            self.steps += 1
            if self.steps > self._most_steps:
                self.fail(Violation(f"it has no end within {self.steps} steps, {self.now:.0f} s"))
                return None
            thread = self._drawn()
            if thread.process.frozen_until > self.now:
                thread.is_blocked = True
                thread.ticket += 1
                entry = (thread.process.frozen_until, next(self._numbers), thread, thread.ticket)
                heapq.heappush(self._timers, entry)
                continue
            self.digest = hash((self.digest, thread.number, self.now))
            return thread
        return None

    def _drawn(self) -> SimulatedThread:
        runnable = self._runnable
        if len(runnable) == 1:
            return runnable.pop()
        position = int(self.random.random() * len(runnable))
        thread, runnable[position] = runnable[position], runnable[-1]
        runnable.pop()
        return thread

    def _passes_time(self) -> bool:
        """Let time pass until the next thread can go on; says whether there is one."""
        timers = self._timers
        while timers:
            at, _, thread, ticket = heapq.heappop(timers)
            if ticket != thread.ticket or not thread.is_blocked:
                continue
            self.now = max(self.now, at)
            self._expire(thread)
            while timers and timers[0][0] <= self.now:
                _, _, other, ticket = heapq.heappop(timers)
                if ticket == other.ticket and other.is_blocked:
                    self._expire(other)
            return True
        if self._ends_by_itself and not any(process.threads for process in self.processes):
            return False
        waiting = [thread.stack() for process in self.processes for thread in process.threads]
        self.fail(Violation("all threads wait for each other:\n" + "\n".join(waiting)))
        return False

    def _expire(self, thread: SimulatedThread) -> None:
        thread.is_blocked = False  # and not woken, unless it was frozen after it had been
        thread.ticket += 1
        self._runnable.append(thread)
