"""The kinds of faults: what each is called, how long it lasts, what it hits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: The options of each worker of a run: one worker per kind of pool.
WORKER_OPTIONS: Final = (
    ("--pool=prefork", "--concurrency=2"),
    ("--pool=threads", "--concurrency=4"),
    ("--pool=prefork", "--concurrency=1"),
)

WORKERS: Final = tuple(range(len(WORKER_OPTIONS)))
PREFORK_WORKERS: Final = (0, 2)  # the workers whose pools are processes

#: The lasting kind whose queue keeps messages for less time than the fault lasts: SQS's shortest retention.
RETENTION_PASSED: Final = "retention passed"
SHORTEST_RETENTION: Final = 60  # seconds


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault.

    Attributes:
        min_duration: in visibility timeouts, as all that a worker does depends on these.
        max_duration: in visibility timeouts.
        workers: the workers that it may hit; none if it hits something else.
        target: what it hits, where several kinds hit the same.
        weight: how often it is drawn, compared with others; of no meaning for a lasting kind.
    """

    min_duration: float = 0
    max_duration: float = 0
    workers: tuple[int, ...] = ()
    target: str = ""
    weight: int = 2


#: Faults that are over within two visibility timeouts. A run has many of them.
BRIEF: Final[Mapping[str, FaultKind]] = {
    "worker killed": FaultKind(0.1, 0.5, workers=WORKERS, weight=4),
    "worker suspended": FaultKind(1.2, 1.6, workers=WORKERS, weight=3),
    "child killed": FaultKind(workers=PREFORK_WORKERS, weight=3),
    "child suspended": FaultKind(0.5, 1.5, workers=PREFORK_WORKERS),
    # Three starts and three stops take about as long as this.
    "deploy, new workers first": FaultKind(2, 2, target="deploy"),
    "deploy, old workers first": FaultKind(2, 2, target="deploy"),
    "web restarted": FaultKind(target="web"),
    "web killed": FaultKind(0.1, 0.3, target="web"),
    "burst at boot": FaultKind(target="web"),
    "database killed": FaultKind(0.3, 1.2, weight=3, target="database"),
    "database suspended": FaultKind(0.3, 1.5, target="database"),
    "database read-only": FaultKind(0.3, 1.5, target="database"),
    "database out of connections": FaultKind(0.3, 1.2, target="database"),
    "SQS fails": FaultKind(0.2, 0.7),
    "SQS throttles": FaultKind(0.2, 0.7),
    "SQS hangs": FaultKind(0.2, 0.7),
    "SQS refuses connections": FaultKind(0.1, 0.5),
    "SQS resets connections": FaultKind(0.2, 0.7),
    "send responses lost": FaultKind(0.2, 0.7),
    "receive responses lost": FaultKind(0.2, 0.5),
    "delete responses lost": FaultKind(0.2, 0.7),
    "messages duplicated": FaultKind(0.3, 1),
    "messages replayed": FaultKind(0.3, 1),
    "receives burnt": FaultKind(0.5, 1.5),
    "burst of orders": FaultKind(weight=4),  # so that workers have messages in flight when a fault hits them
    "killer order": FaultKind(),
    "three killer orders": FaultKind(weight=1),
    "poison messages": FaultKind(),
    "invalid orders": FaultKind(),
    "conflicting orders": FaultKind(),
}

#: Faults that outlast every receive that a queue allows. A run has one of them, and brief ones meanwhile.
LASTING: Final[Mapping[str, FaultKind]] = {
    "table locked": FaultKind(3.5, 15, target="database"),
    "tables flushed with read lock": FaultKind(3.5, 10, target="database"),
    "database frozen": FaultKind(3.5, 10, target="database"),
    "database answers 9001": FaultKind(3.5, 10, target="database"),
    # These three last as long as the nine starts and stops take, or until the worker ends.
    "deploys in an outage": FaultKind(7, 7, target="database"),
    "kills in an outage": FaultKind(7, 7, target="database"),
    "stderr stuck": FaultKind(10, 10, workers=WORKERS),
    RETENTION_PASSED: FaultKind(11, 13, target="database"),
    "credentials gone": FaultKind(10, 10),
}

KINDS: Final[Mapping[str, FaultKind]] = {**BRIEF, **LASTING}
