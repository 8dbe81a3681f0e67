"""A pool of processes: tasks run in them in virtual time, and kill them or the whole worker."""

import collections
import functools
import math
import os
from collections.abc import Callable
from typing import Any, Final

from billiard.einfo import ExceptionInfo
from billiard.exceptions import WorkerLostError
from celery.exceptions import TaskRevokedError

from celery_sqs import system
from tests.simulation.virtual.hub import Hub
from tests.simulation.virtual.scheduler import Process, Scheduler, Violation

CHILD_PID: Final = -2  # which no process has

TIME_TO_PAUSE: Final = 5.0  # seconds after which nothing begins in a pause


class Job:
    """One call that the pool has been given.

    Args:
        run: what to call in a process.
        args: for it.
        on_accepted: called when a process has begun with it; None: nobody asks.
        callback: called with the result.
        error_callback: called with what the pool reports of an error.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        args: tuple[Any, ...],
        on_accepted: Callable[[int, float], None] | None,
        callback: Callable[[Any], None],
        error_callback: Callable[[Any], None],
    ) -> None:
        self._run = run
        self._args = args
        self._on_accepted = on_accepted
        self._callback = callback
        self._error_callback = error_callback
        self._outcome: Callable[[], None] = self._lost

    @property
    def is_single(self) -> bool:
        """Whether anybody asks when it begins, as for a single task."""
        return self._on_accepted is not None

    @property
    def request(self) -> Any:
        """Who asks."""
        return getattr(self._on_accepted, "__self__", None)

    def run(self) -> None:
        """In a process of the pool."""
        try:
            result = self._run(*self._args)
        except Exception as error:
            self._outcome = functools.partial(self._error_callback, einfo(error))
        else:
            self._outcome = functools.partial(self._callback, result)

    def accept(self, pid: int) -> None:
        """Report that a process has begun with it."""
        on_accepted, self._on_accepted = self._on_accepted, None
        if on_accepted is not None:
            on_accepted(pid, system.time.monotonic())

    def report(self, pid: int) -> None:
        """Report what has come of it, and before that its beginning."""
        self.accept(pid)
        self._outcome()

    def _lost(self) -> None:
        self._error_callback(einfo(WorkerLostError("it was killed")))


class Pool:
    """The pool of one worker.

    Args:
        scheduler: for threads.
        process: the worker's main process.
        hub: its event loop, on which a pool of processes reports; None: it is a pool of threads, which do so.
        num_processes: calls at once.

    Attributes:
        has_processes: whether it is no pool of threads.
        children: the processes that run something.
        paused_at: when its queue was paused; infinity while it is not.
        on_end: called when a call has come to its end.
    """

    def __init__(self, scheduler: Scheduler, process: Process, hub: Hub | None, num_processes: int) -> None:
        self._scheduler = scheduler
        self._process = process
        self.hub = hub
        self.has_processes = hub is not None
        # A thread of a pool of threads has the worker's own.
        self._pid = CHILD_PID if self.has_processes else os.getpid()
        self.num_processes = num_processes
        self.children: list[Process] = []
        self.paused_at = math.inf
        self.on_end: Callable[[], None] = lambda: None
        self._waiting: collections.deque[Job] = collections.deque()
        self._unheard: list[Job] = []
        self._is_closed = False

    def apply_async(
        self,
        run: Callable[..., Any],
        args: tuple[Any, ...],
        callback: Callable[[Any], None],
        error_callback: Callable[[Any], None],
        accept_callback: Callable[[int, float], None] | None = None,
        **_: Any,
    ) -> None:
        """Run a batch, or a single task, as soon as a process is free."""
        if self._is_closed:
            return
        if self._scheduler.now - max(self.paused_at, self._process.frozen_until) > TIME_TO_PAUSE:
            self._scheduler.fail(Violation(f"{self._process.name} begins with something in a pause"))
        self._waiting.append(Job(run, args, accept_callback, callback, error_callback))
        self._begin()

    def close(self) -> None:
        """Begin with nothing more, and report from now on as it comes."""
        self._is_closed = True
        self.hub = None
        self._waiting.clear()

    def unheard(self) -> list[Any]:
        """The requests that a process has begun with, and the worker does not know of that."""
        return [job.request for job in self._unheard if job.is_single]

    def _begin(self) -> None:
        while self._waiting and len(self.children) < self.num_processes:
            job = self._waiting.popleft()
            if not self.has_processes and not self._is_accepted(job):
                continue
            child = self._scheduler.process(f"{self._process.name} child")
            child.worker = self._process
            self.children.append(child)
            self._scheduler.spawn(child, "task", job.run)
            self._scheduler.spawn(self._process, "pool", functools.partial(self._report, child, job))
            if job.is_single:
                self._unheard = [each for each in self._unheard if each.is_single] + [job]
                if self.hub is not None:
                    self.hub.call_soon(job.accept, self._pid)

    def _report(self, child: Process, job: Job) -> None:
        while child.threads:
            [thread] = child.threads
            thread.joiners.append(self._scheduler.current)
            self._scheduler.block()
        if self.hub is None:
            self._end(job)
        else:
            self.hub.call_soon(self._end, job)
        self.children.remove(child)
        self._begin()

    def _is_accepted(self, job: Job) -> bool:
        """Whether a thread may run it; a process does so in any case."""
        try:
            job.accept(self._pid)
        except TaskRevokedError:
            return False
        return True

    def _end(self, job: Job) -> None:
        job.report(self._pid)
        self.on_end()


def einfo(error: BaseException) -> ExceptionInfo:
    """What a pool reports of an error."""
    try:
        raise error
    except type(error):
        return ExceptionInfo()
