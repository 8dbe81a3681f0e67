"""What may become of one message next, by what its worker is busy with; and what becomes of it with its worker."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from celery_sqs.consume.budget import Budget, Step
from tests.model import message as life
from tests.model.message import IN_FLIGHT, MAX_RECEIVES, NONE, NOT_BEGUN, UNKNOWN, Copy, Message, Place
from tests.model.rules import Rules

#: What a worker is busy with, as bits: it holds something, in some places.
UNDECIDED, SUSPECT, ALONE, BATCH, WAITING, HOLDS, DELETES, KILLS = (1 << bit for bit in range(8))
BITS: Final = 8  # for each worker
_OF_PLACE: Final = {
    Place.RETURNED: UNDECIDED,
    Place.SUSPECT: SUSPECT,
    Place.ALONE: ALONE,
    Place.BATCH: BATCH,
    Place.WAITING: WAITING,
    Place.OLD: DELETES,
}

#: Of an outage.
OVER, UNNOTICED, NOTICED = range(3)

#: What changes beside the message, as numbers: nothing, the worker notices an outage, a lease ends too early, an
#: attempt fails, and from DIES on the worker of that number dies.
NOTHING, NOTICE, LEASE, FAILURE, DIES = range(5)

Move = tuple[str, Message, int]


def business(message: Message) -> int:
    """What the workers are busy with because of a message."""
    bits = 0
    for copy in message.copies:
        if copy.place in IN_FLIGHT:
            bits |= (_OF_PLACE.get(copy.place, 0) | HOLDS) << BITS * copy.worker
        if message.is_killer and copy.place in {Place.BATCH, Place.ALONE}:
            bits |= KILLS << BITS * copy.worker
    return bits


@dataclass(frozen=True, kw_only=True)
class Moves:
    """Finds the moves of messages.

    Attributes:
        rules: what a worker does.
        workers: how many there are.
        rescues: whether the rescuer is there.
        deletes_soon: whether an old copy is deleted before anything but a death of a worker happens.
        follows_deaths: whether a copy records where its worker's deaths have met it.
    """

    rules: Rules
    workers: int
    rescues: bool
    deletes_soon: bool
    follows_deaths: bool = False

    @property
    def _any_deletes(self) -> int:
        return sum(DELETES << BITS * worker for worker in range(self.workers))

    def of(self, message: Message, busy: int, outage: int) -> Iterator[Move]:
        """What may become of a message.

        Args:
            message: the message.
            busy: what all workers are busy with.
            outage: whether there is one.
        """
        name = "the killer" if message.is_killer else "the order"
        for copy in sorted(set(message.copies)):
            for label, now, change in self._of_copy(message, copy, busy, outage):
                yield f"{name} {label}", now, change

    def _of_copy(self, message: Message, copy: Copy, busy: int, outage: int) -> Iterator[Move]:
        mine = busy >> BITS * copy.worker
        if self.deletes_soon and busy & self._any_deletes and copy.place is not Place.OLD:
            yield from self._of_killer(message, copy)
            return
        match copy.place:
            case Place.QUEUE:
                yield from self._of_queued(message, copy, busy, outage)
            case Place.DEAD if self.rescues and not outage and is_rescuable(message, copy):
                yield "is dead with attempts left, and sent again", life.rescued(message, copy), NOTHING
            case Place.RETURNED:
                now = life.examined(message, copy, self.rules, is_outage=bool(outage))
                if now != message or outage == UNNOTICED:
                    yield _seen(message, now, copy), now, NOTICE if outage else NOTHING
            case Place.SUSPECT:
                yield from self._of_suspect(message, copy, mine, outage)
            case Place.ALONE:
                yield from self._of_running_alone(message, copy, outage)
            case _:
                yield from self._of_others(message, copy)
        if copy.place in NOT_BEGUN or copy.place in {Place.DONE, Place.OLD}:
            yield f"loses its lease ({copy.place})", life.replaced(message, copy, life.queued(copy)), LEASE
        if not message.is_killer and copy.place in {Place.BATCH, Place.ALONE} and not outage:
            yield "fails", life.failed(message, copy), FAILURE

    def _of_killer(self, message: Message, copy: Copy) -> Iterator[Move]:
        if message.is_killer and copy.place in {Place.BATCH, Place.ALONE}:
            how = "alone" if copy.place is Place.ALONE else "in a batch"
            yield f"kills its worker, {how}", message, DIES + copy.worker

    def _of_others(self, message: Message, copy: Copy) -> Iterator[Move]:
        match copy.place:
            case Place.BATCH:
                yield from self._of_killer(message, copy)
            case Place.OLD:
                yield "is deleted, its copy is sent", life.replaced(message, copy), NOTHING
            case Place.DELETED:
                again = life.next_copy(message, copy, self.rules)
                yield "is sent, its old copy is deleted", life.replaced(message, copy, again), NOTHING
            case Place.DONE if copy.begun != NONE:
                yield "has its record taken back", life.withdrawn(message, copy, self.rules), NOTHING
            case Place.DONE:
                yield "is deleted, done", life.replaced(message, copy), NOTHING

    def _of_queued(self, message: Message, copy: Copy, busy: int, outage: int) -> Iterator[Move]:
        for worker in range(self.workers if outage != NOTICED else 0):
            if self.rules.receives_beside_suspects or not busy >> BITS * worker & ALONE:
                kind = "a copy, " if copy.is_copy else ""
                label = f"is received by worker {worker} ({kind}receive {copy.receives + 1})"
                yield label, life.received(message, copy, worker), NOTHING

    def _of_suspect(self, message: Message, copy: Copy, mine: int, outage: int) -> Iterator[Move]:
        others = ALONE | BATCH if self.rules.runs_alone else 0
        undecided = UNDECIDED if self.rules.examines_first else 0
        if outage == NOTICED or mine & (others | undecided):
            return
        if outage:
            yield "cannot begin alone", message, NOTICE
        else:
            yield "begins alone", life.begun_alone(message, copy, self.rules), NOTHING

    def _of_running_alone(self, message: Message, copy: Copy, outage: int) -> Iterator[Move]:
        if message.is_killer:
            yield from self._of_killer(message, copy)
        elif outage:
            # It is examined again after the outage, which takes the record of its attempt back.
            parked = life.replaced(message, copy, copy._replace(place=Place.RETURNED, attempts=UNKNOWN, explained=0))
            yield "is interrupted by the outage", parked, NOTICE
        else:
            now = life.replaced(message, copy, copy._replace(place=Place.DONE))
            yield "is stored, alone", now._replace(is_stored=True), NOTHING

    # With its worker

    def died(self, message: Message, worker: int) -> Message:
        """Its worker is dead, and what it had in flight is visible again."""
        gone = Place.DELETED, worker
        left = tuple(copy for copy in message.copies if (copy.place, copy.worker) != gone)
        return _changed(message._replace(copies=left), worker, IN_FLIGHT, self._lost)

    def _lost(self, copy: Copy) -> Copy:
        deaths = (*copy.deaths, str(copy.place)) if self.follows_deaths else ()
        return life.queued(copy)._replace(deaths=deaths)

    def began(self, message: Message, worker: int) -> Message:
        """A batch begins."""
        return _changed(message, worker, {Place.WAITING}, lambda copy: copy._replace(place=Place.BATCH))

    def parked(self, message: Message, worker: int) -> Message:
        """A batch has met an outage."""
        return _changed(message, worker, {Place.BATCH}, lambda copy: copy._replace(place=Place.WAITING))

    def stored(self, message: Message, worker: int) -> Message:
        """A batch is stored, but for what kills."""
        if message.is_killer or not business(message) >> BITS * worker & BATCH:
            return message
        done = _changed(message, worker, {Place.BATCH}, lambda copy: copy._replace(place=Place.DONE))
        return done._replace(is_stored=True)

    def stopped(self, message: Message, worker: int) -> Message:
        """Its worker stops: what has not begun goes back."""
        return self._given_back(message, worker, self.rules.at_stop)

    def paused(self, message: Message, worker: int) -> Message:
        """Its worker learns that the queue is paused: what has not begun goes back."""
        return self._given_back(message, worker, self.rules.at_pause)

    def _given_back(self, message: Message, worker: int, decide: Callable[[Budget], Step]) -> Message:
        for copy in message.copies:
            if copy.worker == worker and copy.place in NOT_BEGUN:
                message = life.given_back(message, copy, self.rules, decide)
        return message


def is_rescuable(message: Message, copy: Copy) -> bool:
    """Whether the rescuer sends it again. It looks so seldom that it meets no message that has other copies."""
    is_alive = any(each.place is not Place.DEAD for each in message.copies)
    return not (is_alive or copy.is_rescued or message.attempts >= MAX_RECEIVES)


def _changed(message: Message, worker: int, places, change) -> Message:
    copies = (change(copy) if copy.place in places and copy.worker == worker else copy for copy in message.copies)
    return message._replace(copies=tuple(copies))


def _seen(before: Message, after: Message, copy: Copy) -> str:
    """What an examination has come to."""
    if after.has_second_budget and not before.has_second_budget:
        return "is renewed with a new budget"
    places = [each.place for each in after.copies]
    if places.count(Place.OLD) > [each.place for each in before.copies].count(Place.OLD):
        return "is examined, and a copy of it sent"
    for place, text in _SEEN.items():
        if places.count(place) > [each.place for each in before.copies].count(place):
            return text
    return "is examined"


_SEEN: Final = {
    Place.DELETED: "is examined, and deleted before its copy is sent",
    Place.QUEUE: "is given up",
    Place.SUSPECT: "is examined, and is to run alone",
    Place.WAITING: "is examined, and is to run with others",
}
