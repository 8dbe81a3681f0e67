"""Random lives of a world that is too large to be searched: from the start to an end, step by step."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.model.lifecycle import Lifecycle, State
from tests.model.message import MAX_RECEIVES, Copy, Place

LONGEST = 1000  # steps; a life that takes more is taken for one without an end
_STEPS_KEPT = 3_000_000  # of single messages in the memory of a world, before it begins anew

#: Where each death of a worker has met a copy, in turn.
Deaths = tuple[str, ...]


@dataclass(kw_only=True)
class Lives:
    """What has come of many lives.

    Attributes:
        lives: how many.
        steps: of all of them together.
        dead: lives in which a good order was dead.
        deaths: where its worker's deaths met each copy of an order that was dead, and how often so.
        complaints: what was wrong with an end, or on the way, and how often.
    """

    lives: int = 0
    steps: int = 0
    dead: int = 0
    deaths: Counter[Deaths] = field(default_factory=Counter)
    complaints: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        ways = "".join(f"\n  {count} times: {', '.join(way)}" for way, count in self.deaths.most_common())
        return f"{self.lives} lives, {self.steps} steps; a good order was dead in {self.dead}{ways}"

    def add(self, other: "Lives") -> None:
        """Count other lives, too."""
        self.lives += other.lives
        self.steps += other.steps
        self.dead += other.dead
        self.deaths += other.deaths
        self.complaints += other.complaints


def live(lifecycle: Lifecycle, lives: int, seed: int) -> Lives:
    """Have so many lives, each step drawn from all that are possible."""
    draw = random.Random(seed).random
    found = Lives(lives=lives)
    for _ in range(lives):
        if lifecycle.remembered > _STEPS_KEPT:
            lifecycle = Lifecycle(lifecycle.sizes, lifecycle.rules)
        _live(lifecycle, draw, found)
    return found


def _live(lifecycle: Lifecycle, draw, found: Lives) -> None:
    state: State | None = lifecycle.start()
    was_dead = False
    for _ in range(LONGEST):
        following = lifecycle.draw(state, draw)
        if following is None:
            complaint = lifecycle.complaint_at_end(state)
            break
        state = following
        found.steps += 1
        complaint = lifecycle.complaint(state)
        if complaint and not was_dead:
            dead = list(_dead_copies(lifecycle, state))
            if not dead:
                break
            was_dead = True
            found.dead += 1
            found.deaths.update(copy.deaths for copy in dead)
    else:
        complaint = "it has no end"
    if complaint:
        found.complaints[complaint] += 1


def _dead_copies(lifecycle: Lifecycle, state: State) -> Iterable[Copy]:
    """The copies of the good orders that are dead."""
    for message in lifecycle.messages(state):
        if not message.is_killer and message.copies and all(copy.place is Place.DEAD for copy in message.copies):
            yield from message.copies


def was_killed_in_renewals(deaths: Deaths) -> bool:
    """Whether a copy has died only by deaths of its worker on successive receives, within its renewal.

    The first may have met it anywhere. From then on it is renewed before it runs or waits: so each of the others met it
    received and not yet examined. Examination and sending the copy are one step here.
    """
    return len(deaths) == MAX_RECEIVES and set(deaths[1:]) == {Place.RETURNED}
