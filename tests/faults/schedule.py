"""The fault schedule of a run: which faults are injected when, drawn from a seed."""

import itertools
import random
from dataclasses import dataclass
from typing import Final

from tests.faults.kinds import BRIEF, KINDS, LASTING

MAX_DRAWS: Final = 4  # for one start, until a fault is allowed
MEAN_INTERVAL: Final = 0.35  # visibility timeouts between the starts of two faults

#: Visibility timeouts until the lasting fault begins: by then orders are under way.
MIN_QUIET: Final = 0.5
MAX_QUIET: Final = 2.0


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
    worker: int = 0

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


def draw_schedule(seed: int, seconds: float, visibility_timeout: float, only: str | None = None) -> list[Fault]:
    """The faults of a run, in the order of their starts; for the same arguments always the same.

    Args:
        seed: one seed after the other has one lasting kind after the other.
        seconds: in which the brief faults begin and end; the lasting one may end later.
        visibility_timeout: of the work queue, in seconds.
        only: draw faults of this kind alone.
    """
    rng = random.Random(seed)
    lasting = only or list(LASTING)[seed % len(LASTING)]
    faults = [_draw_lasting(rng, lasting, visibility_timeout)] if lasting in LASTING else []
    if only is None or only in BRIEF:
        faults = _add_brief(rng, faults, [only] if only else list(BRIEF), seconds, visibility_timeout)
    return sorted(faults, key=lambda fault: fault.start)


def _add_brief(
    rng: random.Random, faults: list[Fault], kinds: list[str], seconds: float, visibility_timeout: float
) -> list[Fault]:
    """These faults and brief ones, none of which overlaps with another one of its target."""
    start = rng.expovariate(1 / MEAN_INTERVAL) * visibility_timeout
    while start < seconds:
        drawn = [_draw(rng, kinds, start, visibility_timeout) for _ in range(MAX_DRAWS)]
        allowed = (fault for fault in drawn if fault.end <= seconds and not _overlaps(fault, faults))
        faults = [*faults, *itertools.islice(allowed, 1)]
        start += rng.expovariate(1 / MEAN_INTERVAL) * visibility_timeout
    return faults


def _draw_lasting(rng: random.Random, kind: str, visibility_timeout: float) -> Fault:
    return _of_kind(rng, kind, rng.uniform(MIN_QUIET, MAX_QUIET) * visibility_timeout, visibility_timeout)


def _draw(rng: random.Random, kinds: list[str], start: float, visibility_timeout: float) -> Fault:
    [name] = rng.choices(kinds, [KINDS[kind].weight for kind in kinds])
    return _of_kind(rng, name, start, visibility_timeout)


def _of_kind(rng: random.Random, name: str, start: float, visibility_timeout: float) -> Fault:
    kind = KINDS[name]
    duration = rng.uniform(kind.min_duration, kind.max_duration) * visibility_timeout
    return Fault(round(start, 2), round(duration, 2), name, rng.choice(kind.workers or (0,)))


def _overlaps(fault: Fault, others: list[Fault]) -> bool:
    """Whether another fault has the same target at the time."""
    same_target = (other for other in others if other.target == fault.target)
    return any(other.start <= fault.end and fault.start < other.end for other in same_target)
