"""Puts virtual time and simulated threads in the place of the system's, and the system's back."""

import contextlib
import functools
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

from celery_sqs import per_process, system
from tests.simulation.virtual import executors, threads
from tests.simulation.virtual.scheduler import Scheduler

EPOCH: Final = 1_700_000_000.0  # seconds since the epoch: when each life begins
UPTIME: Final = 1000.0  # seconds: what the monotonic clock says then
PID: Final = -1  # of all simulated processes; thread pools know them apart

#: The life that goes on: thread pools that a process keeps are kept for longer than one.
_GOES_ON: Final[list[Scheduler]] = []


def wall_clock(scheduler: Scheduler) -> float:
    """Seconds since the epoch."""
    return EPOCH + scheduler.now


@contextlib.contextmanager
def simulated(scheduler: Scheduler) -> Iterator[None]:
    """The framework asks this scheduler for time and threads meanwhile, and all its chance is from the seed."""
    per_process._lock()  # what all lives have one of is made under a lock of the system
    parts = _parts(scheduler)
    before: dict[str, Any] = {name: getattr(system, name) for name in parts}
    state = random.getstate()
    random.seed(scheduler.random.getrandbits(64))
    _GOES_ON.append(scheduler)
    try:
        for name, part in parts.items():
            setattr(system, name, part)
        yield
    finally:
        for name, part in before.items():
            setattr(system, name, part)
        _GOES_ON.pop()
        random.setstate(state)


def _parts(scheduler: Scheduler) -> dict[str, Any]:
    numbers = iter(range(1000, 10**9))

    def socketpair() -> tuple[threads.Pipe, threads.Pipe]:
        pipe = threads.Pipe(scheduler, next(numbers))
        pipes[pipe.fileno()] = pipe
        return pipe, pipe

    pipes = scheduler.pipes
    kinds = (threads.Lock, threads.RLock, threads.Condition, threads.Event, threads.Thread)
    return {
        "time": SimpleNamespace(
            monotonic=lambda: UPTIME + scheduler.now, time=lambda: EPOCH + scheduler.now, sleep=scheduler.sleep
        ),
        "now": lambda zone=UTC: datetime.fromtimestamp(EPOCH + scheduler.now, zone),
        "threading": SimpleNamespace(**{kind.__name__: functools.partial(kind, scheduler) for kind in kinds}),
        "futures": SimpleNamespace(ThreadPoolExecutor=functools.partial(executors.Executor, lambda: _GOES_ON[-1])),
        "socketpair": socketpair,
        "pid": PID,
    }
