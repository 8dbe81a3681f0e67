"""Random lives of a world that is too large to be searched: from the start to an end, step by step."""

import random
from dataclasses import dataclass, field

from tests.model.lifecycle import Lifecycle, State

LONGEST = 1000  # steps; a life that takes more is taken for one without an end


@dataclass(kw_only=True)
class Lives:
    """What has come of many lives.

    Attributes:
        lives: how many.
        steps: of all of them together.
        states: different ones that were reached.
        dead: ways to the states in which a good order was dead.
        complaints: what was wrong with an end, and the way to it.
    """

    lives: int = 0
    steps: int = 0
    states: int = 0
    dead: list[list[State]] = field(default_factory=list)
    complaints: list[tuple[str, list[State]]] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.lives} lives, {self.steps} steps, {self.states} states; a good order was dead in {len(self.dead)}"
        )


def live(lifecycle: Lifecycle, lives: int, seed: int) -> Lives:
    """Have so many lives, each step drawn from all that are possible."""
    dice, start = random.Random(seed), lifecycle.start()
    draw = dice.random
    after: dict[State, list[State]] = {}
    wrong: set[State] = set()
    found = Lives(lives=lives)
    for _ in range(lives):
        state, way, was_dead = start, [start], False
        while True:
            following = after.get(state)
            if following is None:
                following = after[state] = [each for _, each in lifecycle.steps(state)]
                if lifecycle.complaint(state):
                    wrong.add(state)
            if state in wrong and not was_dead:
                was_dead = True
                found.dead.append(list(way))
            if not following or len(way) > LONGEST:
                break
            state = following[int(draw() * len(following))]
            way.append(state)
        found.steps += len(way) - 1
        complaint = lifecycle.complaint_at_end(state) if not following else "it has no end"
        if complaint:
            found.complaints.append((complaint, way))
    found.states = len(after)
    return found
