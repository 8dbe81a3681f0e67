"""What may become of one good order by itself, once only killers can end a worker."""

import functools
from collections.abc import Iterator
from typing import Final

from tests.model.canonical import canonical
from tests.model.message import Copy, Message, Place, withdrawn
from tests.model.moves import ALONE, BATCH, DELETES, HOLDS, NOTHING, OVER, UNDECIDED, WAITING, Moves, business

#: An order, and how many deaths of a worker may still come at any time.
Fate = tuple[Message, int]

LONGEST: Final = 5000  # states of one order; beyond it is not looked at by itself


def deaths(message: Message) -> int | None:
    """How many deaths of a worker a killer may still cause in a batch, or is about to cause; None where that is open.

    A suspect runs alone. What came back unexplained is going to be one: so each copy runs in a batch once at the most.
    """
    if not message.is_killer:
        return 0
    alive = [copy for copy in message.copies if copy.place is not Place.DEAD]
    if not all(copy.is_suspect or _stays_unexplained(copy, message) for copy in alive):
        return None
    return sum(copy.place is Place.ALONE or (not copy.is_suspect and _may_begin(copy)) for copy in alive)


def _may_begin(copy: Copy) -> bool:
    is_first = copy.receives == (copy.place is Place.RETURNED) and copy.place in {Place.QUEUE, Place.RETURNED}
    return is_first or copy.place in {Place.WAITING, Place.BATCH}


def _stays_unexplained(copy: Copy, message: Message) -> bool:
    """Whether no attempt will be on record for each receive of a copy until it comes back."""
    spent = max(1, copy.receives)
    others = list(message.copies)
    others.remove(copy)
    first = min((_next_name(each) for each in others), default=copy.earlier + spent + 1)
    names = range(copy.earlier + 1, copy.earlier + spent + 1)
    return sum(name >= first or name in (*message.records, *message.begun) for name in names) < spent


def _next_name(copy: Copy) -> int:
    """The least name that an attempt at a copy, or at copies of it, may still have."""
    return copy.earlier + copy.receives + (copy.place in {Place.QUEUE, Place.OLD, Place.DEAD})


class Fates:
    """Looks at good orders by themselves, with a worker that dies whenever it may.

    Args:
        find: finds the moves.
        killed: attempts that kills, outages and failures may have left on record.
    """

    def __init__(self, find: Moves, killed: int) -> None:
        self._find = find
        self._killed = killed
        self._safe: set[Fate] = set()
        self._goes_on = functools.cache(self._own_steps)
        self._late_death = functools.cache(self._dead_worker)

    def is_safe(self, message: Message, deaths: int) -> bool:
        """Whether an order is stored in the end, and never dead, with so many deaths at any time.

        Besides, the worker may die as often as it likes while a suspect may run: while nothing of the order is
        undecided, runs or is about to be deleted.
        """
        reached = {(message, deaths)}
        left = list(reached - self._safe)
        forward: dict[Fate, list[Fate]] = {}
        while left:
            state = left.pop()
            now, deaths = state
            if now.is_stored:
                if now.attempts > self._killed:
                    return False
                continue
            if not now.copies or all(copy.place is Place.DEAD for copy in now.copies) or now.has_second_budget:
                return False
            own = forward[state] = [(after, deaths) for after in self._goes_on(now)]
            if not own or len(reached) > LONGEST:
                return False
            for after in (*own, *self._dies(now, deaths)):
                if after not in reached and after not in self._safe:
                    reached.add(after)
                    left.append(after)
        if not _ends(forward):
            return False
        self._safe |= reached
        return True

    def _own_steps(self, message: Message) -> list[Message]:
        busy = business(message)
        moves = [now for _, now, change in self._find.of(message, busy, OVER) if change == NOTHING]
        if busy & WAITING and not busy & (UNDECIDED | DELETES):
            moves.append(self._find.began(message, 0))
        if busy & BATCH:
            moves.append(self._find.stored(message, 0))
        return [now for each in moves if (now := self._late(each)) != message]

    def _dies(self, message: Message, deaths: int) -> Iterator[Fate]:
        busy = business(message)
        if not busy & HOLDS:
            return
        after = self._late_death(message)
        if deaths:
            yield after, deaths - 1
        if not busy & (UNDECIDED | ALONE | BATCH | DELETES):
            yield after, deaths

    def _dead_worker(self, message: Message) -> Message:
        return self._late(self._find.died(message, 0))

    def _late(self, message: Message) -> Message:
        """Names of attempts make no difference where none is on record, as none will be that stays."""
        rules = self._find.rules
        if message.is_stored:
            for copy in message.copies:
                if copy.place is Place.DONE:
                    message = withdrawn(message, copy, rules)
            message = message._replace(copies=())
        if message.attempts == 0:
            copies = (copy._replace(earlier=0, before=0, since=min(1, copy.since)) for copy in message.copies)
            message = message._replace(copies=tuple(copies))
        return canonical(message, rules)


def _ends(after: dict[Fate, list[Fate]]) -> bool:
    """Whether every way comes to an end: what leads nowhere else is taken away, until nothing is left."""
    leads = {state: sum(each in after for each in following) for state, following in after.items()}
    before: dict[Fate, list[Fate]] = {state: [] for state in after}
    for state, following in after.items():
        for each in following:
            if each in before:
                before[each].append(state)
    left = [state for state, count in leads.items() if not count]
    for state in left:
        for each in before[state]:
            leads[each] -= 1
            if not leads[each]:
                left.append(each)
    return len(left) == len(after)
