"""The model: messages, workers that die and stop, an outage, and every step that may come next.

A message is a number here, so a state is a short tuple of integers, and what may become of a message is found once.
Messages of a kind are interchangeable, so their numbers are sorted: symmetric states are one.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from tests.model.canonical import canonical
from tests.model.message import MAX_RECEIVES, Message, Place, withdrawn
from tests.model.moves import (
    ALONE,
    BATCH,
    BITS,
    DELETES,
    DIES,
    FAILURE,
    HOLDS,
    LEASE,
    NOTICE,
    NOTICED,
    OVER,
    SUSPECT,
    UNDECIDED,
    UNNOTICED,
    WAITING,
    Moves,
    business,
)
from tests.model.rules import AS_BUILT, Rules
from tests.model.sizes import Environment, Sizes

#: An environment's number, and then those of the good orders, and of the killers.
State = tuple[int, ...]


class Numbers:
    """A number, from 0, for each value that is not equal to another."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self.values: list[Any] = []

    def of(self, value: Any) -> int:
        """The number of a value."""
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


class Lifecycle:
    """A world, and its steps.

    Args:
        sizes: how large it is.
        rules: what its workers do.

    Attributes:
        rules: what its workers do.
        complaints: what is wrong with a message, by its number; None where nothing is.
    """

    def __init__(self, sizes: Sizes, rules: Rules = AS_BUILT) -> None:
        self.sizes = sizes
        self.complaints: list[str | None] = []
        self.rules = rules
        self._never = {change for change, count in ((LEASE, sizes.leases), (FAILURE, sizes.failures)) if not count}
        self._find = Moves(
            rules=rules,
            workers=sizes.workers,
            rescues=sizes.rescues,
            deletes_soon=sizes.deletes_soon,
            follows_deaths=sizes.follows_deaths,
        )
        self._messages, self._environments = Numbers(), Numbers()
        self._busy: list[int] = []  # by the message's number
        self._wrong: set[int] = set()  # those with a complaint
        self._moves = functools.cache(self._moves_of)
        self._with_worker = functools.cache(self._message_with_worker)
        self._changed = functools.cache(self._environment_changed)
        self._around = functools.cache(self._steps_around)

    def start(self) -> State:
        """Everything is in the queue."""
        sizes = self.sizes
        good, killer = (self._number(Message(is_killer=is_killer)) for is_killer in (False, True))
        around = Environment(sizes.kills, sizes.stops, sizes.outages, sizes.leases, sizes.failures, pauses=sizes.pauses)
        return (self._environments.of(around), *[good] * sizes.good, *[killer] * sizes.killers)

    def complaint(self, state: State) -> str | None:
        """What is wrong in a state, or None."""
        if self._wrong.isdisjoint(state[1:]):
            return None
        return next(filter(None, [self.complaints[message] for message in state[1:]]))

    def complaint_at_end(self, state: State) -> str | None:
        """What is wrong in a state that no step leads out of, or None."""
        around = self._environments.values[state[0]]
        # An outage interrupts an attempt, which counts until it is begun again or known to be interrupted.
        interrupted = self.sizes.kills - around.kills + self.sizes.outages - around.outages
        allowed = interrupted + self.sizes.failures - around.failures
        for message in (self._messages.values[number] for number in state[1:]):
            if not message.is_killer and not message.is_stored:
                return "a good order is not stored in the end"
            if not message.is_killer and message.attempts > allowed and not self.sizes.keeps_done:
                return f"a stored order has {message.attempts} attempts on record, and {allowed} did not succeed"
            if message.is_killer and message.attempts != MAX_RECEIVES:
                return f"a killer is dead with {message.attempts} attempts on record"
        return None

    def steps(self, state: State) -> list[tuple[str, State]]:
        """Every step that may come next: what it is, and the state after it."""
        around, *messages = state
        busy = 0
        for message in messages:
            busy |= self._busy[message]
        outage = self._environments.values[around].outage
        steps = []
        for index, message in enumerate(messages):
            if index and message == messages[index - 1]:
                continue  # as the one before
            for label, now, change in self._moves(message, busy, outage):
                after = self._changed(around, change)
                if after is None:
                    continue
                others = [*messages[:index], now, *messages[index + 1 :]]
                if change >= DIES:
                    others = [self._with_worker(each, "died", change - DIES) for each in others]
                steps.append((label, self._state(after, others)))
        for label, after, what, worker in self._around(around, busy):
            now = [self._with_worker(each, what, worker) for each in messages] if what else messages
            steps.append((label, self._state(after, now)))
        return [(label, after) for label, after in steps if after != state]

    def messages(self, state: State) -> list[Message]:
        """The messages in a state."""
        return [self._messages.values[number] for number in state[1:]]

    @property
    def remembered(self) -> int:
        """How many messages, each with what it is beside, this world has looked up, and remembers."""
        return self._moves.cache_info().currsize

    def draw(self, state: State, random: Callable[[], float]) -> State | None:
        """The state after a step of a message, or around them, each as likely; None where no step may come next."""
        around, *messages = state
        busy = 0
        for message in messages:
            busy |= self._busy[message]
        outage = self._environments.values[around].outage
        places = len(state)
        first = int(random() * places)
        for place in range(first, first + places):
            index = place % places
            if index:
                moves = self._moves(messages[index - 1], busy, outage)
                if moves:
                    _, messages[index - 1], change = moves[int(random() * len(moves))]
                    return self._after(around, messages, change)
            elif steps := self._around(around, busy):
                _, around, what, worker = steps[int(random() * len(steps))]
                return (around, *(self._with_worker(each, what, worker) if what else each for each in messages))
        return None

    def _after(self, around: int, messages: list[int], change: int) -> State:
        if change:
            around = self._changed(around, change)
        if change >= DIES:
            messages = [self._with_worker(each, "died", change - DIES) for each in messages]
        return (around, *messages)

    def label(self, state: State, following: State) -> str:
        """What leads from a state to the next."""
        return next(label for label, after in self.steps(state) if after == following)

    def _state(self, around: int, messages: list[int]) -> State:
        good = self.sizes.good
        return (around, *sorted(messages[:good]), *sorted(messages[good:]))

    def _number(self, message: Message) -> int:
        if message.is_stored and not self.sizes.keeps_done:
            done = [copy for copy in message.copies if copy.place is Place.DONE]
            for copy in done:
                message = withdrawn(message, copy, self.rules)
            message = message._replace(copies=())
        message = canonical(message, self.rules)
        number = self._messages.of(message)
        if number == len(self._busy):
            self._busy.append(business(message))
            self.complaints.append(_complaint(message))
            if self.complaints[number]:
                self._wrong.add(number)
        return number

    def _moves_of(self, number: int, busy: int, outage: int) -> list[tuple[str, int, int]]:
        found = self._find.of(self._messages.values[number], busy, outage)
        moves = [(label, self._number(message), change) for label, message, change in found]
        return [
            (label, now, change)
            for label, now, change in moves
            if (now != number or change) and change not in self._never
        ]

    def _message_with_worker(self, number: int, what: str, worker: int) -> int:
        return self._number(getattr(self._find, what)(self._messages.values[number], worker))

    def _environment_changed(self, number: int, change: int) -> int | None:
        around: Environment = self._environments.values[number]
        if change == NOTICE:
            around = around._replace(outage=NOTICED)
        elif change == LEASE:
            if not around.leases:
                return None
            around = around._replace(leases=around.leases - 1)
        elif change == FAILURE:
            if not around.failures:
                return None
            around = around._replace(failures=around.failures - 1)
        elif change >= DIES and around.outage:
            around = around._replace(outage=NOTICED)  # a new worker asks before it receives
        return self._environments.of(around)

    def _steps_around(self, number: int, busy: int) -> list[tuple[str, int, str, int]]:
        """What may happen to a worker, or around all: what it is, the environment then, and what each message does."""
        around: Environment = self._environments.values[number]
        steps = []
        waits = False
        for worker in range(self.sizes.workers):
            mine = busy >> BITS * worker
            steps += self._steps_of_worker(around, worker, mine)
            waits |= bool(self.sizes.deletes_soon and mine & DELETES)
        if waits:
            steps = [step for step in steps if step[2] == "died"]
        elif around.outage:
            steps.append(("the outage ends", around._replace(outage=OVER), "", 0))
        elif around.outages:
            began = around._replace(outages=around.outages - 1, outage=UNNOTICED)
            steps.append(("an outage begins", began, "", 0))
        return [(label, self._environments.of(after), what, worker) for label, after, what, worker in steps]

    def _spares(self, around: Environment) -> bool:
        return self.sizes.spares_renewals and around.outage != NOTICED

    def _steps_of_worker(self, around: Environment, worker: int, mine: int) -> Iterator[tuple[Any, ...]]:
        name = f"worker {worker}"
        noticed = around._replace(outage=NOTICED if around.outage else OVER)
        blocking = (SUSPECT | ALONE if self.rules.runs_alone else 0) | (UNDECIDED if self.rules.examines_first else 0)
        if mine & WAITING and not mine & blocking and around.outage != NOTICED:
            yield f"{name} begins a batch", around, "began", worker
        if mine & BATCH:
            yield f"{name} ends a batch", noticed, "parked" if around.outage else "stored", worker
        if around.kills and mine & HOLDS and not (self._spares(around) and mine & UNDECIDED):
            yield f"{name} is killed", noticed._replace(kills=around.kills - 1), "died", worker
        if around.stops and mine & (UNDECIDED | SUSPECT | WAITING):
            yield f"{name} stops", noticed._replace(stops=around.stops - 1), "stopped", worker
        if around.pauses and mine & (UNDECIDED | SUSPECT | WAITING):
            yield f"{name} is paused", around._replace(pauses=around.pauses - 1), "paused", worker


def _complaint(message: Message) -> str | None:
    if not message.is_stored and not message.copies:
        return "a message has vanished"
    if message.has_second_budget:
        return "a message has a second failure budget, and nobody sent it again"
    if not message.is_killer and not message.is_stored and all(copy.place is Place.DEAD for copy in message.copies):
        return f"a good order is dead, with {message.attempts} attempts on record"
    return None
