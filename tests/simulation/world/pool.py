"""A pool of processes: batches run in them in virtual time, and kill them or the whole worker."""

import functools
from collections.abc import Callable
from typing import Any

from billiard.einfo import ExceptionInfo
from billiard.exceptions import WorkerLostError

from tests.simulation.virtual.hub import Hub
from tests.simulation.virtual.scheduler import Process, Scheduler


class Pool:
    """The pool of one worker.

    Args:
        scheduler: for threads.
        process: the worker's main process.
        hub: its event loop, on which results are reported; None: on a thread of the pool.
        num_processes: batches at once.

    Attributes:
        children: the processes that run something.
    """

    def __init__(self, scheduler: Scheduler, process: Process, hub: Hub | None, num_processes: int) -> None:
        self._scheduler = scheduler
        self._process = process
        self.hub = hub
        self.num_processes = num_processes
        self.children: list[Process] = []

    def apply_async(
        self,
        run: Callable[..., Any],
        args: tuple[Any, ...],
        callback: Callable[[Any], None],
        error_callback: Callable[[Any], None],
        **_: Any,
    ) -> None:
        """Run a batch in a process."""
        child = self._scheduler.process(f"{self._process.name} child")
        child.worker = self._process
        self.children.append(child)
        outcome: list[Callable[[], None]] = []
        self._scheduler.spawn(child, "task", functools.partial(_run, run, args, callback, error_callback, outcome))
        self._scheduler.spawn(self._process, "pool", functools.partial(self._report, child, outcome, error_callback))

    def _report(self, child: Process, outcome: list[Callable[[], None]], on_lost: Callable[[Any], None]) -> None:
        while child.threads:
            [thread] = child.threads
            thread.joiners.append(self._scheduler.current)
            self._scheduler.block()
        report = outcome[0] if outcome else functools.partial(on_lost, einfo(WorkerLostError("it was killed")))
        if self.hub is None:
            report()
        else:
            self.hub.call_soon(report)
        self.children.remove(child)


def _run(
    run: Callable[..., Any],
    args: tuple[Any, ...],
    callback: Callable[[Any], None],
    error_callback: Callable[[Any], None],
    outcome: list[Callable[[], None]],
) -> None:
    try:
        result = run(*args)
    except Exception as error:
        outcome.append(functools.partial(error_callback, einfo(error)))
    else:
        outcome.append(functools.partial(callback, result))


def einfo(error: BaseException) -> ExceptionInfo:
    """What a pool reports of an error."""
    try:
        raise error
    except type(error):
        return ExceptionInfo()
