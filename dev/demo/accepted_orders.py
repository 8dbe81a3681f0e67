"""Which orders of the demo were accepted, and the state of each. Safe to use from several threads."""

import math
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: States that an order does not leave by itself.
_FINAL: Final = ("persisted", "dead")


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The numbers of orders at one moment.

    Attributes:
        accepted: orders, by order id, that the API or SQS has accepted.
        foreign: those among them that another producer sent to the queue.
        states: how many of them are in which state.
        refused: orders that the API answered with 422.
        duplicates: repeated posts that were answered with the order id of the first.
        unanswered: planned orders without an answer so far.
    """

    accepted: int
    foreign: int
    states: Counter[str]
    refused: int
    duplicates: int
    unanswered: int

    @property
    def complete(self) -> bool:
        """Whether every order was answered, and every accepted one is persisted or dead."""
        return not self.unanswered and self.accepted == sum(self.states[state] for state in _FINAL)


class AcceptedOrders:
    """The states of orders by id, however often an order is posted.

    Args:
        planned: how many orders will be sent.
    """

    def __init__(self, planned: int) -> None:
        self._planned = planned
        self._lock = threading.Lock()
        self._users: dict[str, int] = {}
        self._states: dict[str, str] = {}
        self._persist_times: list[float] = []
        self._errors: list[str] = []
        self._answered = self._refused = self._duplicates = self._foreign = 0

    def add(self, order_id: str, user_id: int, *, foreign: bool = False) -> None:
        """An order was accepted; `foreign` if another producer sent it."""
        with self._lock:
            self._users[order_id] = user_id
            self._states.setdefault(order_id, "queued")
            self._foreign += foreign

    def count_duplicate(self) -> None:
        """A repeated post was answered with the id of the first."""
        with self._lock:
            self._duplicates += 1

    def count_refused(self) -> None:
        """The API refused an order."""
        with self._lock:
            self._refused += 1

    def count_answered(self) -> None:
        """One more planned order was answered, whatever the answer."""
        with self._lock:
            self._answered += 1

    def add_error(self, error: str) -> None:
        """Something was answered that must not be."""
        with self._lock:
            self._errors.append(error)

    def set_state(self, order_id: str, state: str, persist_time: float | None = None) -> None:
        """The API reports a state; `persist_time` is how many seconds it took to persist the order."""
        with self._lock:
            self._states[order_id] = state
            if persist_time is not None:
                self._persist_times.append(persist_time)

    def unfinished(self) -> list[tuple[str, int]]:
        """Id and user of each accepted order that is neither persisted nor dead."""
        with self._lock:
            return [(order, self._users[order]) for order, state in self._states.items() if state not in _FINAL]

    def counts(self) -> Counts:
        """The numbers right now."""
        with self._lock:
            return Counts(
                accepted=len(self._states),
                foreign=self._foreign,
                states=Counter(self._states.values()),
                refused=self._refused,
                duplicates=self._duplicates,
                unanswered=self._planned - self._answered,
            )

    def discrepancies(self) -> list[str]:
        """Why the numbers do not add up; empty when they do."""
        counts = self.counts()
        open_states = {state: number for state, number in counts.states.items() if state not in _FINAL}
        missing = [f"{number} {state}" for state, number in sorted(open_states.items())]
        if counts.unanswered:
            missing.append(f"{counts.unanswered} without an answer")
        with self._lock:
            return missing + self._errors

    def persist_time_percentile(self, percent: float) -> float | None:
        """Seconds within which this share of the persisted orders was persisted."""
        with self._lock:
            return percentile(self._persist_times, percent)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that `percent` of all values do not exceed (nearest rank); None without values."""
    ranked = sorted(values)
    return ranked[max(math.ceil(len(ranked) * percent / 100), 1) - 1] if ranked else None
