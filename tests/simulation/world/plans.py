"""What the runs of one message come to, and what therefore has to become of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final

MAX_RECEIVES: Final = 3

#: Names of tasks: one that gets its calls in batches, and one that gets each alone.
BATCH: Final = "simulated"
SINGLE: Final = "simulated.single"


class Run(StrEnum):
    """What one run of a message's task comes to."""

    STORED = "stored"
    FAILS = "fails"
    IS_PERMANENT = "is permanent"
    IS_BLOCKED = "is blocked"
    LOOKS_LIKE_OUTAGE = "looks like an outage"
    KILLS_CHILD = "kills its process of the pool"
    KILLS_WORKER = "kills its worker"


#: Runs that cost an attempt.
_COSTS: Final = {Run.FAILS, Run.IS_PERMANENT, Run.LOOKS_LIKE_OUTAGE, Run.KILLS_CHILD, Run.KILLS_WORKER}

#: What messages come to, run by run; the last one again and again. How often each is drawn, compared with the others.
KINDS: Final[dict[tuple[Run, ...], int]] = {
    (Run.STORED,): 60,
    (Run.FAILS, Run.STORED): 6,
    (Run.FAILS, Run.FAILS, Run.STORED): 3,
    (Run.FAILS,): 4,
    (Run.IS_PERMANENT,): 3,
    (Run.IS_BLOCKED, Run.STORED): 3,
    (Run.LOOKS_LIKE_OUTAGE,): 1,
    (Run.KILLS_CHILD, Run.STORED): 3,
    (Run.KILLS_CHILD,): 2,
    (Run.KILLS_WORKER, Run.STORED): 3,
    (Run.KILLS_WORKER,): 2,
}


@dataclass(eq=False)
class Plan:
    """One message.

    Attributes:
        key: its name, which is unique in the store.
        runs: what its runs come to, in turn; the last one again and again.
        task: its name.
        due_in: seconds from its sending until its `eta`; 0 without one.
        is_delayed: whether its producer has SQS delay it until then, as far as SQS does.
        due_at: virtual time of its `eta`, once it is sent.
        message_id: SQS's, of the first copy.
        begun: runs so far.
        stored: runs that have stored it, or would have if it had not been there.
        excuses: faults that may each have caused one run or one receive more than without them.
        sent_at: virtual time.
        stored_at: virtual time of the first time that it was stored.
        probes_at_end: probes that had succeeded when its last run ended; infinity where it has not run since it was
            handed over.
    """

    key: str
    runs: Sequence[Run]
    task: str = BATCH
    due_in: float = 0.0
    is_delayed: bool = False
    due_at: float = 0.0
    message_id: str = ""
    begun: int = 0
    stored: int = 0
    excuses: list[str] = field(default_factory=list)
    sent_at: float | None = None
    stored_at: float | None = None
    probes_at_end: float = math.inf

    @property
    def is_good(self) -> bool:
        """Whether it is stored in the end: it succeeds before its attempts are spent."""
        return self.runs[-1] is Run.STORED and self.costs < MAX_RECEIVES

    @property
    def costs(self) -> int:
        """Attempts that its runs cost before the last kind of run."""
        return sum(run in _COSTS for run in self.runs[:-1])

    @property
    def kills_workers(self) -> bool:
        """Whether a run of it may kill its worker."""
        return Run.KILLS_WORKER in self.runs

    def run(self) -> Run:
        """It runs once more."""
        run = self.runs[min(self.begun, len(self.runs) - 1)]
        self.begun += 1
        return run


def draw(random: Random, count: int, is_calm: bool) -> list[Plan]:
    """So many messages; good ones alone in a calm life."""
    kinds = [(Run.STORED,)] if is_calm else list(KINDS)
    weights = None if is_calm else list(KINDS.values())
    return [Plan(f"m{number}", random.choices(kinds, weights)[0]) for number in range(count)]
