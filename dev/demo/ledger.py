"""The demo's books: which orders were accepted, and what became of each. Several threads write them."""

import math
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: States that an order does not leave by itself.
_SETTLED: Final = ("persisted", "dead")


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The books at one moment.

    Attributes:
        accepted: orders with an id of their own that SQS holds or held.
        foreign: those among them that another producer sent straight to the queue.
        states: how many of them are in which state.
        refused: orders that the API answered with 422.
        duplicates: repeated posts that were answered with the order id of the first.
        unanswered: orders of the plan that nobody has answered yet.
    """

    accepted: int
    foreign: int
    states: Counter[str]
    refused: int
    duplicates: int
    unanswered: int

    @property
    def add_up(self) -> bool:
        """Whether every order was answered, and every accepted one is persisted or dead."""
        return not self.unanswered and self.accepted == sum(self.states[state] for state in _SETTLED)


class Ledger:
    """Counts orders by id, however often they are posted.

    Args:
        planned: how many orders will be sent.
    """

    def __init__(self, planned: int) -> None:
        self._planned = planned
        self._lock = threading.Lock()
        self._users: dict[str, int] = {}
        self._states: dict[str, str] = {}
        self._waits: list[float] = []
        self._complaints: list[str] = []
        self._answered = self._refused = self._duplicates = self._foreign = 0

    def accept(self, order_id: str, user_id: int, *, foreign: bool = False) -> None:
        """An order is in the queue."""
        with self._lock:
            self._users[order_id] = user_id
            self._states.setdefault(order_id, "queued")
            self._foreign += foreign

    def repeat(self) -> None:
        """A repeated post was answered with the id of the first."""
        with self._lock:
            self._duplicates += 1

    def refuse(self) -> None:
        """The API refused an order."""
        with self._lock:
            self._refused += 1

    def answer(self) -> None:
        """One more order of the plan is through, whatever the answer was."""
        with self._lock:
            self._answered += 1

    def complain(self, complaint: str) -> None:
        """Something was answered that must not be."""
        with self._lock:
            self._complaints.append(complaint)

    def see(self, order_id: str, state: str, wait: float | None = None) -> None:
        """An order was seen in a state; `wait` is how many seconds it took to be persisted."""
        with self._lock:
            self._states[order_id] = state
            if wait is not None:
                self._waits.append(wait)

    def open_orders(self) -> list[tuple[str, int]]:
        """Id and user of each accepted order that is neither persisted nor dead."""
        with self._lock:
            return [(order, self._users[order]) for order, state in self._states.items() if state not in _SETTLED]

    def counts(self) -> Counts:
        """The books right now."""
        with self._lock:
            return Counts(
                accepted=len(self._states),
                foreign=self._foreign,
                states=Counter(self._states.values()),
                refused=self._refused,
                duplicates=self._duplicates,
                unanswered=self._planned - self._answered,
            )

    def faults(self) -> list[str]:
        """Why the books do not add up; nothing when they do."""
        counts = self.counts()
        open_states = {state: number for state, number in counts.states.items() if state not in _SETTLED}
        missing = [f"{number} {state}" for state, number in sorted(open_states.items())]
        if counts.unanswered:
            missing.append(f"{counts.unanswered} without an answer")
        with self._lock:
            return missing + self._complaints

    def wait_percentile(self, percent: float) -> float | None:
        """Seconds within which this share of the persisted orders was persisted."""
        with self._lock:
            return percentile(self._waits, percent)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that `percent` of all values do not exceed (nearest rank); None without values."""
    ranked = sorted(values)
    return ranked[max(math.ceil(len(ranked) * percent / 100), 1) - 1] if ranked else None
