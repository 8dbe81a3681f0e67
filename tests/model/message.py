"""One message in the model: its copies, what is on record of it, and what may become of it. All functions are pure."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from celery_sqs.consume.budget import Budget, Step
from tests.model.rules import Rules

MAX_RECEIVES: Final = 3

UNKNOWN: Final = -1  # instead of a number of attempts
NONE: Final = -999  # instead of the name of an attempt


class Place(StrEnum):
    """Where a copy is. All but the queue and the DLQ are with a worker."""

    QUEUE = "queue"
    RETURNED = "returned"  # received, and not examined; in an outage it is parked so
    WAITING = "waiting"  # to run with others
    SUSPECT = "suspect"  # to run alone
    BATCH = "batch"  # runs with others
    ALONE = "alone"  # runs alone
    DONE = "done"  # its row is there, and it is not deleted
    OLD = "old"  # a copy of it is sent, and it is not deleted
    DELETED = "deleted"  # without a rule only: a copy of it is not sent
    DEAD = "dead"


NOT_BEGUN: Final = frozenset({Place.RETURNED, Place.WAITING, Place.SUSPECT})
RUNNING: Final = frozenset({Place.SUSPECT, Place.BATCH, Place.ALONE})
IN_FLIGHT: Final = frozenset(Place) - {Place.QUEUE, Place.DEAD}


class Copy(NamedTuple):
    """A copy of a message. The attributes of `Budget`, `Delivery` and `Renewal` go by the same names there.

    Attributes:
        place: where it is.
        worker: who has it.
        receives: how often SQS has handed it out.
        earlier: how often SQS had handed out the copies before it.
        before: attempts on record at the last look before it was sent.
        since: receives of earlier copies after that look, which may have begun an attempt.
        is_copy: whether it is one, and not the message that was sent first.
        is_suspect: whether an earlier copy came back unexplained.
        is_rescued: whether it was dead once.
        interrupted: the name of an attempt at an earlier copy that an outage has interrupted; or NONE.
        attempts: attempts on record, when its worker looked them up; or UNKNOWN.
        explained: how many receives of this copy had one then.
        begun: the name of an attempt that its worker has on record; or NONE.
        deaths: where it was at each death of its worker, if that is followed.
    """

    place: Place = Place.QUEUE
    worker: int = 0
    receives: int = 0
    earlier: int = 0
    before: int = 0
    since: int = 0
    is_copy: bool = False
    is_suspect: bool = False
    is_rescued: bool = False
    interrupted: int = NONE
    attempts: int = UNKNOWN
    explained: int = 0
    begun: int = NONE
    deaths: tuple[str, ...] = ()


class Message(NamedTuple):
    """A message. An attempt on record is named as in the product: by the receives of all copies when it began.

    Attributes:
        is_killer: whether its run ends the worker.
        is_stored: whether its row is there.
        has_second_budget: whether it was renewed as one that has no attempts on record.
        forgotten: attempts on record whose names no copy can have again.
        records: the names of the others that have an outcome.
        begun: the names of those that have none.
        copies: all that is left of it.
    """

    is_killer: bool
    is_stored: bool = False
    has_second_budget: bool = False
    forgotten: int = 0
    records: tuple[int, ...] = ()
    begun: tuple[int, ...] = ()
    copies: tuple[Copy, ...] = (Copy(),)

    @property
    def attempts(self) -> int:
        """How many attempts are on record."""
        return self.forgotten + len(self.records) + len(self.begun)


def replaced(message: Message, old: Copy, *new: Copy) -> Message:
    """The message with other copies in the place of one."""
    copies = list(message.copies)
    copies.remove(old)
    return message._replace(copies=(*copies, *new))


def budget(copy: Copy, rules: Rules) -> Budget:
    """What its worker knows of it."""
    return Budget(
        receives=copy.receives,
        max_receives=MAX_RECEIVES,
        attempts=None if copy.attempts == UNKNOWN else copy.attempts,
        explained=copy.explained,
        attempts_before=copy.before,
        receives_before=copy.since,
        is_resent=False,  # only workers and the rescuer send here, and no attempt is between making and sending a copy
        is_suspect=copy.is_suspect,
        records=rules.keeps_records,
    )


def queued(copy: Copy) -> Copy:
    """It is visible again; no worker knows anything of it."""
    return copy._replace(place=Place.QUEUE, worker=0, attempts=UNKNOWN, explained=0, begun=NONE)


def received(message: Message, copy: Copy, worker: int) -> Message:
    """SQS hands it out. What never was handed out before is not looked up."""
    is_new = not copy.is_copy and not copy.receives
    place, attempts = (Place.WAITING, 0) if is_new else (Place.RETURNED, UNKNOWN)
    now = copy._replace(place=place, worker=worker, receives=copy.receives + 1, attempts=attempts)
    return replaced(message, copy, now)


def rescued(message: Message, copy: Copy) -> Message:
    """The rescuer sends what is dead again."""
    again = Copy(
        earlier=copy.earlier + copy.receives,
        before=message.attempts,
        is_copy=True,
        is_suspect=True,
        is_rescued=True,
        interrupted=copy.interrupted,
    )
    return replaced(message, copy, again)


def examined(message: Message, copy: Copy, rules: Rules, is_outage: bool) -> Message:
    """What is on record is looked up, where that is possible, and what follows from it is done."""
    known = copy
    if not rules.keeps_records:
        known = _counted(copy)
    elif not is_outage:
        for name in {copy.interrupted, copy.begun} & set(message.begun):
            message = without_begun(message, name)
        # Who asks has the message: what has begun has not lived to see its end.
        message = message._replace(records=(*message.records, *message.begun), begun=())
        known = copy._replace(attempts=message.attempts, explained=_explained(message, copy))
        known = known._replace(interrupted=NONE, begun=NONE)
    return _done(replaced(message, copy, known), known, rules.after_receive(budget(known, rules)), rules)


def _explained(message: Message, copy: Copy) -> int:
    """How many of its receives are explained: `Delivery.learn`."""
    own = sum(copy.earlier < name < copy.earlier + copy.receives for name in message.records)
    earlier = message.forgotten + sum(name <= copy.earlier for name in message.records)
    return own + min(max(0, earlier - copy.before), copy.since)


def _counted(copy: Copy) -> Copy:
    """Where nothing is on record: `Delivery.count_receives`."""
    return copy._replace(attempts=copy.before + copy.since + copy.receives - 1)


def given_back(message: Message, copy: Copy, rules: Rules, decide: Callable[[Budget], Step]) -> Message:
    """Its worker stops, or its queue is paused."""
    known = _counted(copy) if not rules.keeps_records and copy.attempts == UNKNOWN else copy
    return _done(replaced(message, copy, known), known, decide(budget(known, rules)), rules)


def _done(message: Message, copy: Copy, step: Step, rules: Rules) -> Message:
    match step:
        case Step.RENEW if rules.sends_first:
            return replaced(message, copy, _old(copy), next_copy(message, copy, rules))
        case Step.RENEW:
            return replaced(message, copy, copy._replace(place=Place.DELETED))
        case Step.RENEW_UNSPENT:
            return replaced(message._replace(has_second_budget=True), copy, _old(copy), Copy())
        case Step.GIVE_UP | Step.RELEASE:
            return replaced(message, copy, queued(copy))
        case Step.PARK:
            return message
    place = Place.SUSPECT if step is Step.RUN_ALONE else Place.WAITING
    return replaced(message, copy, copy._replace(place=place))


def _old(copy: Copy) -> Copy:
    return queued(copy)._replace(place=Place.OLD, worker=copy.worker)


def next_copy(message: Message, copy: Copy, rules: Rules) -> Copy:
    """What is sent for it: `Delivery.next_renewal`."""
    again = Copy(
        earlier=copy.earlier + copy.receives,
        is_copy=True,
        is_rescued=copy.is_rescued,
    )
    if copy.attempts == UNKNOWN:  # it carries what the last copy did
        since = copy.since + copy.receives - 1
        interrupted = copy.interrupted if copy.begun == NONE else copy.begun
        return again._replace(before=copy.before, since=since, is_suspect=copy.is_suspect, interrupted=interrupted)
    is_suspect = rules.is_suspect_next(budget(copy, rules))
    return again._replace(before=copy.attempts, is_suspect=is_suspect, interrupted=copy.begun)


def begun_alone(message: Message, copy: Copy, rules: Rules) -> Message:
    """It begins alone. An attempt of that name that has an outcome stands: then this one is not counted."""
    name = copy.earlier + copy.receives
    message = replaced(message, copy, copy._replace(place=Place.ALONE, begun=name))
    if not rules.records_first or name in (*message.records, *message.begun):
        return message
    return message._replace(begun=(*message.begun, name))


def failed(message: Message, copy: Copy) -> Message:
    """Its run has failed, and that is on record, once for each name. The message is visible again."""
    name = copy.earlier + copy.receives
    message = without_begun(replaced(message, copy, queued(copy)), name)
    return message if name in message.records else message._replace(records=(*message.records, name))


def withdrawn(message: Message, copy: Copy, rules: Rules) -> Message:
    """It has succeeded, and its record is taken back."""
    message = replaced(message, copy, copy._replace(begun=NONE))
    return without_begun(message, copy.begun) if rules.withdraws and copy.begun in message.begun else message


def without_begun(message: Message, name: int) -> Message:
    """The message without the record of one attempt that has begun."""
    return message._replace(begun=tuple(each for each in message.begun if each != name))
