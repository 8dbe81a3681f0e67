"""A world of which only those states are looked at in which the order of events makes a difference.

Only once all kills, stops, outages and lost leases have happened: from then on nothing but a killer ends a worker.
"""

import functools

from celery_sqs.consume.budget import Budget, Step
from tests.model import message as life
from tests.model.fate import Fates, deaths
from tests.model.lifecycle import Lifecycle, State
from tests.model.message import MAX_RECEIVES, Message, Place
from tests.model.moves import ALONE, BATCH, DELETES, KILLS, Moves, business, is_rescuable
from tests.model.rules import AS_BUILT, Rules
from tests.model.sizes import Environment, Sizes


class Reduced(Lifecycle):
    """A world of one worker that is searched with fewer states.

    Args:
        sizes: how large it is.
        rules: what its worker does.

    Raises:
        ValueError: in this world the order of events makes a difference where that is not looked at.
    """

    def __init__(self, sizes: Sizes, rules: Rules = AS_BUILT) -> None:
        super().__init__(sizes, rules)
        if sizes.workers > 1 or not sizes.deletes_soon or not _runs_killers_alone(rules):
            raise ValueError("this world is not to be reduced")
        self._fates = Fates(self._find, sizes.kills + sizes.outages + sizes.failures)
        self._stored = self._number(Message(is_killer=False, is_stored=True, copies=()))
        self._is_quiet = functools.cache(self._has_no_more_events)
        self._quick = functools.cache(self._what_comes_at_once)
        self._deaths = functools.cache(self._deaths_of)
        self._is_safe = functools.cache(self._is_safe_by_itself)

    def steps(self, state: State) -> list[tuple[str, State]]:
        """Every step that may come next; one alone where the others may as well come later."""
        return self._one_step(state) or super().steps(state)

    def _one_step(self, state: State) -> list[tuple[str, State]]:
        around, *messages = state
        if not self._is_quiet(around):
            return []
        busy = 0
        for message in messages:
            busy |= self._busy[message]
        if busy & BATCH and not busy & (KILLS | DELETES):
            now = [self._with_worker(each, "stored", 0) for each in messages]
            return [("worker 0 ends a batch", self._state(around, now))]
        is_calm = not any(self._deaths(message) != 0 for message in messages[self.sizes.good :])
        for index, message in enumerate(messages):
            step = self._quick(message, busy, is_calm)
            if step:
                label, now = step
                return [(label, self._state(around, [*messages[:index], now, *messages[index + 1 :]]))]
        return []

    def _state(self, around: int, messages: list[int]) -> State:
        """A good order that is safe by itself is taken for stored."""
        good = self.sizes.good
        if good and self._is_quiet(around):
            left = [self._deaths(message) for message in messages[good:]]
            if None not in left:
                count = sum(filter(None, left))
                safe = [self._stored if self._is_safe(each, count) else each for each in messages[:good]]
                messages = [*safe, *messages[good:]]
        return super()._state(around, messages)

    def _has_no_more_events(self, number: int) -> bool:
        return self._environments.values[number] == Environment(0, 0, 0, 0)

    def _deaths_of(self, number: int) -> int | None:
        return deaths(self._messages.values[number])

    def _is_safe_by_itself(self, number: int, left: int) -> bool:
        return number == self._stored or self._fates.is_safe(self._messages.values[number], left)

    def _what_comes_at_once(self, number: int, busy: int, is_calm: bool) -> tuple[str, int] | None:
        now = _at_once(self._find, self._messages.values[number], busy, is_calm)
        return None if now is None else (now[0], self._number(now[1]))


def _runs_killers_alone(rules: Rules) -> bool:
    """Whether a killer that has come back unexplained is renewed, and what is sent for it always runs alone."""
    known = [
        Budget(receives=receives, max_receives=MAX_RECEIVES, attempts=attempts, is_suspect=is_suspect)
        for receives in range(1, MAX_RECEIVES + 1)
        for attempts in range(MAX_RECEIVES)
        for is_suspect in (False, True)
    ]
    decided = [(each, rules.after_receive(each)) for each in known]
    return (
        rules.examines_first
        and rules.runs_alone
        and rules.sends_first
        and rules.keeps_records
        and not rules.receives_beside_suspects
        and all(step is Step.RENEW and rules.is_suspect_next(each) for each, step in decided if each.is_unexplained)
        and not any(step is Step.RUN for each, step in decided if each.is_suspect)
    )


def _at_once(find: Moves, message: Message, busy: int, is_calm: bool) -> tuple[str, Message] | None:
    """What becomes of a message at once, as it comes to the same before and after all else that may happen."""
    for copy in sorted(set(message.copies)):
        match copy.place:
            case Place.OLD if not busy & KILLS:
                return "is deleted, its copy is sent", life.replaced(message, copy)
            case Place.RETURNED if not busy & DELETES:
                now = life.examined(message, copy, find.rules, is_outage=False)
                if not busy & KILLS or not business(now) & DELETES:
                    return "is examined", now
            case Place.ALONE if not message.is_killer and not busy & DELETES:
                now = life.replaced(message, copy, copy._replace(place=Place.DONE))
                return "is stored, alone", now._replace(is_stored=True)
            case Place.DEAD if find.rescues and not busy & DELETES and is_rescuable(message, copy):
                return "is dead with attempts left, and sent again", life.rescued(message, copy)
            case Place.QUEUE if is_calm and copy.receives and not busy & (ALONE | BATCH | DELETES):
                now = life.received(message, copy, 0)
                after = life.examined(now, now.copies[-1], find.rules, is_outage=False)
                is_only = sum(each.place is not Place.DEAD for each in message.copies) == 1
                if business(after) & DELETES and (is_only or not message.is_killer):
                    return "is received, to be renewed", now
    return None
