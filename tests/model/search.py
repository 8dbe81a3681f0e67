"""Searches every state of a world, breadth first: so a counterexample is as short as it can be."""

import itertools
import math
from dataclasses import dataclass

from tests.model.lifecycle import Lifecycle, State


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search has found.

    Attributes:
        states: how many states were reached.
        ends: how many of them no step leads out of.
        complaint: what is wrong with the last state of the trace; None where nothing is wrong with any.
        trace: the steps to it, from the start.
    """

    states: int
    ends: int = 0
    complaint: str | None = None
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.complaint is None:
            return f"{self.states} states, {self.ends} of them ends: no complaint"
        steps = "".join(f"\n  {number:2} {step}" for number, step in enumerate(self.trace, 1))
        return f"{self.complaint}, after {len(self.trace)} steps ({self.states} states):{steps}"


def search(lifecycle: Lifecycle, limit: float = math.inf) -> Found:
    """Reach every state; stops at the first that is wrong, or at a way that never ends.

    Args:
        lifecycle: the world.
        limit: gives up beyond so many states, which is a complaint, too.
    """
    start = lifecycle.start()
    before: dict[State, State | None] = {start: None}
    after: dict[State, list[State]] = {}
    reached = [start]
    ends = 0
    for state in reached:  # it grows
        steps = after[state] = [each for _, each in lifecycle.steps(state)]
        complaint = lifecycle.complaint_at_end(state) if not steps else None
        ends += not steps
        last = state
        for each in steps:
            if each not in before:
                before[each] = state
                reached.append(each)
                complaint = complaint or lifecycle.complaint(each)
                if complaint:
                    last = each
                    break
        if len(reached) > limit:
            return Found(states=len(reached), complaint="there are too many states")
        if complaint:
            return Found(states=len(reached), complaint=complaint, trace=_trace(lifecycle, _way(before, last)))
    loop = _loop(start, after)
    if loop:
        way = [*_way(before, loop[0]), *loop[1:]]
        trace = _trace(lifecycle, way)
        return Found(states=len(reached), complaint=f"the last {len(loop) - 1} steps go on for ever", trace=trace)
    return Found(states=len(reached), ends=ends)


def _way(before: dict[State, State | None], state: State | None) -> list[State]:
    way = []
    while state is not None:
        way.append(state)
        state = before[state]
    return way[::-1]


def _trace(lifecycle: Lifecycle, way: list[State]) -> tuple[str, ...]:
    """What leads from each state to the next."""
    return tuple(lifecycle.label(*pair) for pair in itertools.pairwise(way))


def _loop(start: State, after: dict[State, list[State]]) -> list[State]:
    """A way back to a state, which is its first and its last; empty where there is none."""
    way, left, on_way, left_behind = [start], [iter(after[start])], {start}, set()
    while way:
        following = next(left[-1], None)
        if following is None:
            left.pop()
            on_way.discard(way[-1])
            left_behind.add(way.pop())
        elif following in on_way:
            return [*way[way.index(following) :], following]
        elif following not in left_behind:
            way.append(following)
            on_way.add(following)
            left.append(iter(after[following]))
    return []
