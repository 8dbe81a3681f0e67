"""The weather of a storm: which faults come when, drawn from a seed."""

import itertools
import random
from dataclasses import dataclass
from typing import Final

from config.queues import ORDER_QUEUE

#: The workers of a storm by what Celery is told of their pools.
POOLS: Final = (
    ("--pool=prefork", "--concurrency=2"),
    ("--pool=threads", "--concurrency=4"),
    ("--pool=prefork", "--concurrency=1"),
)

WITH_CHILDREN: Final = (0, 2)  # places of the workers whose pools are processes
EVERYWHERE: Final = tuple(range(len(POOLS)))

#: Receives that faults may cost an order: the last one is for storing it.
BEARABLE: Final = ORDER_QUEUE.max_receive_count - 1

#: Visibility timeouts that a fault is felt for after its end: until what it hit has come again, and was dealt with.
AFTERMATH: Final = 2

DRAWS: Final = 4  # until one is bearable
PAUSE: Final = 0.35  # visibility timeouts between the starts of two faults, on average


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    Attributes:
        shortest: how long it lasts at least, in visibility timeouts, as all that a worker does follows from these.
        longest: how long it lasts at the most.
        burns: whether it can cost an order a receive that is not the order's own fault.
        places: the workers it may befall; none if it befalls something else.
        realm: what it has for itself, if it shares that with other kinds.
        weight: how often it is drawn, compared with others.
    """

    shortest: float = 0
    longest: float = 0
    burns: bool = False
    places: tuple[int, ...] = ()
    realm: str = ""
    weight: int = 2


KINDS: Final = {
    "worker killed": Kind(0.1, 0.5, burns=True, places=EVERYWHERE, weight=4),
    "worker suspended": Kind(1.2, 1.6, burns=True, places=EVERYWHERE, weight=3),
    "child killed": Kind(burns=True, places=WITH_CHILDREN, weight=3),
    "child suspended": Kind(0.5, 1.5, places=WITH_CHILDREN),
    "deploy, new ones first": Kind(2, 2, burns=True, realm="deploy"),  # about what three starts and ends take
    "deploy, old ones first": Kind(2, 2, burns=True, realm="deploy"),
    "web restarted": Kind(realm="web"),
    "web killed": Kind(0.1, 0.3, realm="web"),
    "database killed": Kind(0.3, 1.2, weight=3, realm="database"),
    "database suspended": Kind(0.3, 1.5, realm="database"),
    "database read-only": Kind(0.3, 1.5, realm="database"),
    "database crowded": Kind(0.3, 1.2, realm="database"),
    "SQS fails": Kind(0.2, 0.7, burns=True),
    "SQS throttles": Kind(0.2, 0.7, burns=True),
    "SQS hangs": Kind(0.2, 0.7, burns=True),
    "SQS refuses": Kind(0.1, 0.5, burns=True),
    "connections reset": Kind(0.2, 0.7, burns=True),
    "sends lost": Kind(0.2, 0.7),
    "receives lost": Kind(0.2, 0.5, burns=True),
    "deletes lost": Kind(0.2, 0.7),
    "deliveries doubled": Kind(0.3, 1),
    "deliveries replayed": Kind(0.3, 1),
    "rush": Kind(weight=4),  # so that workers have something in hand when they are hit
    "poison": Kind(),
    "invalid orders": Kind(),
    "conflicting orders": Kind(),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to come.

    Attributes:
        start: seconds after the beginning.
        length: seconds it lasts; 0 for what is over at once.
        kind: one of `KINDS`.
        place: the worker it befalls; 0 if it befalls something else.
    """

    start: float
    length: float
    kind: str
    place: int

    @property
    def end(self) -> float:
        """When it is over."""
        return self.start + self.length

    @property
    def realm(self) -> str:
        """What it has for itself: two faults of one realm do not overlap."""
        if KINDS[self.kind].places:
            return f"worker {self.place}"
        return KINDS[self.kind].realm or self.kind

    def __str__(self) -> str:
        where = f" (worker {self.place})" if KINDS[self.kind].places else ""
        return f"{self.start:5.1f} s  {self.kind}{where}" + (f" for {self.length:.1f} s" if self.length else "")


def forecast(seed: int, seconds: float, visibility_timeout: float) -> list[Fault]:
    """The faults of a storm; for the same arguments always the same."""
    dice = random.Random(seed)
    faults: list[Fault] = []
    clock = dice.expovariate(1 / PAUSE) * visibility_timeout
    while clock < seconds:
        drawn = [_draw(dice, clock, visibility_timeout) for _ in range(DRAWS)]
        bearable = (
            fault for fault in drawn if fault.end <= seconds and _is_bearable(fault, faults, visibility_timeout)
        )
        faults += itertools.islice(bearable, 1)
        clock += dice.expovariate(1 / PAUSE) * visibility_timeout
    return faults


def _draw(dice: random.Random, start: float, visibility_timeout: float) -> Fault:
    [name] = dice.choices(list(KINDS), [kind.weight for kind in KINDS.values()])
    kind = KINDS[name]
    length = dice.uniform(kind.shortest, kind.longest) * visibility_timeout
    return Fault(round(start, 2), round(length, 2), name, dice.choice(kind.places or (0,)))


def _is_bearable(fault: Fault, earlier: list[Fault], visibility_timeout: float) -> bool:
    """Whether no order can lose all its receives to faults, and nothing is broken that is broken already."""
    if any(other.realm == fault.realm and other.end > fault.start for other in earlier):
        return False
    felt = [other for other in earlier if other.end + AFTERMATH * visibility_timeout > fault.start]
    burning = sum(KINDS[other.kind].burns for other in felt)
    return not KINDS[fault.kind].burns or burning < BEARABLE
