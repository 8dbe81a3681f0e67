"""The fault schedule of a run: which faults are injected when, drawn from a seed."""

import itertools
import random
from dataclasses import dataclass
from typing import Final

from config.queues import ORDER_QUEUE

#: The options of each worker of a run: one worker per kind of pool.
WORKER_OPTIONS: Final = (
    ("--pool=prefork", "--concurrency=2"),
    ("--pool=threads", "--concurrency=4"),
    ("--pool=prefork", "--concurrency=1"),
)

WORKERS: Final = tuple(range(len(WORKER_OPTIONS)))
PREFORK_WORKERS: Final = (0, 2)  # the workers whose pools are processes

#: Receives that faults may cost an order: the last one is for storing it.
MAX_LOST_RECEIVES: Final = ORDER_QUEUE.max_receive_count - 1

#: Visibility timeouts after a fault's end until the messages that it hit are received again and settled.
RECOVERY: Final = 2

MAX_DRAWS: Final = 4  # for one start, until a fault is allowed
MEAN_INTERVAL: Final = 0.35  # visibility timeouts between the starts of two faults


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault.

    Attributes:
        min_duration: in visibility timeouts, as all that a worker does depends on these.
        max_duration: in visibility timeouts.
        costs_receive: whether it can cost an order a receive without a failure of the order's own.
        workers: the workers that it may hit; none if it hits something else.
        target: what it hits, where several kinds hit the same.
        weight: how often it is drawn, compared with others.
    """

    min_duration: float = 0
    max_duration: float = 0
    costs_receive: bool = False
    workers: tuple[int, ...] = ()
    target: str = ""
    weight: int = 2


KINDS: Final = {
    "worker killed": FaultKind(0.1, 0.5, costs_receive=True, workers=WORKERS, weight=4),
    "worker suspended": FaultKind(1.2, 1.6, costs_receive=True, workers=WORKERS, weight=3),
    "child killed": FaultKind(costs_receive=True, workers=PREFORK_WORKERS, weight=3),
    "child suspended": FaultKind(0.5, 1.5, workers=PREFORK_WORKERS),
    # Three starts and three stops take about as long as this.
    "deploy, new workers first": FaultKind(2, 2, costs_receive=True, target="deploy"),
    "deploy, old workers first": FaultKind(2, 2, costs_receive=True, target="deploy"),
    "web restarted": FaultKind(target="web"),
    "web killed": FaultKind(0.1, 0.3, target="web"),
    "database killed": FaultKind(0.3, 1.2, weight=3, target="database"),
    "database suspended": FaultKind(0.3, 1.5, target="database"),
    "database read-only": FaultKind(0.3, 1.5, target="database"),
    "database out of connections": FaultKind(0.3, 1.2, target="database"),
    "SQS fails": FaultKind(0.2, 0.7, costs_receive=True),
    "SQS throttles": FaultKind(0.2, 0.7, costs_receive=True),
    "SQS hangs": FaultKind(0.2, 0.7, costs_receive=True),
    "SQS refuses connections": FaultKind(0.1, 0.5, costs_receive=True),
    "SQS resets connections": FaultKind(0.2, 0.7, costs_receive=True),
    "send responses lost": FaultKind(0.2, 0.7),
    "receive responses lost": FaultKind(0.2, 0.5, costs_receive=True),
    "delete responses lost": FaultKind(0.2, 0.7),
    "messages duplicated": FaultKind(0.3, 1),
    "messages replayed": FaultKind(0.3, 1),
    "burst of orders": FaultKind(weight=4),  # so that workers have messages in flight when a fault hits them
    "poison messages": FaultKind(),
    "invalid orders": FaultKind(),
    "conflicting orders": FaultKind(),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A scheduled fault.

    Attributes:
        start: seconds after the beginning of the run.
        duration: seconds; 0 for what is over at once.
        kind: one of `KINDS`.
        worker: the worker that it hits; 0 if it hits something else.
    """

    start: float
    duration: float
    kind: str
    worker: int

    @property
    def end(self) -> float:
        """When it is over, in seconds after the beginning of the run."""
        return self.start + self.duration

    @property
    def target(self) -> str:
        """What it hits: two faults with the same target do not overlap."""
        if KINDS[self.kind].workers:
            return f"worker {self.worker}"
        return KINDS[self.kind].target or self.kind

    def __str__(self) -> str:
        where = f" (worker {self.worker})" if KINDS[self.kind].workers else ""
        return f"{self.start:5.1f} s  {self.kind}{where}" + (f" for {self.duration:.1f} s" if self.duration else "")


def draw_schedule(seed: int, seconds: float, visibility_timeout: float) -> list[Fault]:
    """The faults of a run, in the order of their starts; for the same arguments always the same."""
    rng = random.Random(seed)
    faults: list[Fault] = []
    start = rng.expovariate(1 / MEAN_INTERVAL) * visibility_timeout
    while start < seconds:
        drawn = [_draw(rng, start, visibility_timeout) for _ in range(MAX_DRAWS)]
        allowed = (fault for fault in drawn if fault.end <= seconds and _is_allowed(fault, faults, visibility_timeout))
        faults += itertools.islice(allowed, 1)
        start += rng.expovariate(1 / MEAN_INTERVAL) * visibility_timeout
    return faults


def _draw(rng: random.Random, start: float, visibility_timeout: float) -> Fault:
    [name] = rng.choices(list(KINDS), [kind.weight for kind in KINDS.values()])
    kind = KINDS[name]
    duration = rng.uniform(kind.min_duration, kind.max_duration) * visibility_timeout
    return Fault(round(start, 2), round(duration, 2), name, rng.choice(kind.workers or (0,)))


def _is_allowed(fault: Fault, earlier: list[Fault], visibility_timeout: float) -> bool:
    """Whether no order can lose all its receives to faults, and no other fault has the same target at the time."""
    if any(other.target == fault.target and other.end > fault.start for other in earlier):
        return False
    active = [other for other in earlier if other.end + RECOVERY * visibility_timeout > fault.start]
    lost_receives = sum(KINDS[other.kind].costs_receive for other in active)
    return not KINDS[fault.kind].costs_receive or lost_receives < MAX_LOST_RECEIVES
