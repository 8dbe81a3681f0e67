"""What goes wrong with calls in one life, and how often."""

from dataclasses import dataclass
from random import Random
from typing import Final

from tests.simulation.sqs import NO_FAULTS, Faults

#: How probable each kind is in a life that has most of it.
MOST: Final = {
    "refused": 0.1,
    "loses_answer": 0.05,
    "fails_entries": 0.1,
    "finds_nothing": 0.3,
    "delivers_again": 0.03,
    "forgets_deletions": 0.03,
    "loses_commit": 0.03,
    "kills_caller": 0.03,
}


@dataclass(kw_only=True)
class FaultRates:
    """Probabilities for each call, drawn for one life.

    Attributes:
        latency: seconds that half of a call takes, at the most.
        is_on: whether anything goes wrong; not any more at a life's end.
        refused: SQS refuses the call.
        loses_answer: it takes effect, and its answer is lost.
        fails_entries: of each entry of a batch.
        finds_nothing: a short poll finds nothing.
        delivers_again: a receive brings what is in flight.
        forgets_deletions: what is deleted comes again.
        loses_commit: the database has done it, and does not say so.
        kills_caller: the worker is killed just before the call takes effect, or just after.
    """

    latency: float = 0.02
    is_on: bool = True
    refused: float = 0.0
    loses_answer: float = 0.0
    fails_entries: float = 0.0
    finds_nothing: float = 0.0
    delivers_again: float = 0.0
    forgets_deletions: float = 0.0
    loses_commit: float = 0.0
    kills_caller: float = 0.0

    @classmethod
    def draw(cls, random: Random, is_calm: bool) -> "FaultRates":
        """Those of one life: each kind in half of all lives."""
        latency = random.choice((0.001, 0.02, 0.1))
        if is_calm:
            return cls(latency=latency)
        chosen = {name: rate * random.random() for name, rate in MOST.items() if random.random() < 0.5}
        return cls(latency=latency, **chosen)

    def kills(self, random: Random) -> bool:
        """Whether the worker is killed now."""
        return self.is_on and random.random() < self.kills_caller / 2

    def of_call(self, random: Random, action: str, entries: int) -> Faults:
        """Those of one call."""
        if not self.is_on:
            return NO_FAULTS
        if random.random() < self.refused:
            return Faults(refusal=random.choice(("RequestThrottled", "ServiceUnavailable")))
        is_receive, is_delete = action == "ReceiveMessage", action == "DeleteMessageBatch"
        failing = (position for position in range(entries) if random.random() < self.fails_entries)
        return Faults(
            loses_answer=random.random() < self.loses_answer,
            failing_entries=frozenset(failing) if self.fails_entries else frozenset(),
            finds_nothing=is_receive and random.random() < self.finds_nothing,
            delivers_again=int(is_receive and random.random() < self.delivers_again),
            forgets_deletions=is_delete and random.random() < self.forgets_deletions,
        )
