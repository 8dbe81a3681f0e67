"""The same message without what makes no difference to anything that may still happen, so that equal states are one."""

from typing import Final

from celery_sqs.consume.budget import Step
from tests.model.message import MAX_RECEIVES, NONE, UNKNOWN, Copy, Message, Place, budget
from tests.model.rules import Rules

_DEAD_FOR_GOOD: Final = Copy(place=Place.DEAD, is_rescued=True)
_NO_DECISION: Final = frozenset({Place.QUEUE, Place.RETURNED, Place.OLD, Place.DEAD})


def canonical(message: Message, rules: Rules) -> Message:
    """The message with names that count from the oldest copy that may go on, and without what nothing refers to."""
    copies = [_as_dead(copy, message) for copy in message.copies]
    if (
        message.is_killer
        and message.attempts >= MAX_RECEIVES
        and all(_is_given_up(copy, message, rules) for copy in copies)
    ):
        return message._replace(forgotten=message.attempts, records=(), begun=(), copies=(_DEAD_FOR_GOOD,))
    copies = [_without_details(copy, message, rules) for copy in copies]
    if _DEAD_FOR_GOOD in copies:
        copies = [copy for copy in copies if copy != _DEAD_FOR_GOOD] + [_DEAD_FOR_GOOD]
    message = _with_outcomes(message, copies)
    past = min((copy.earlier for copy in copies if copy != _DEAD_FOR_GOOD), default=0)
    names = sorted(name - past for name in message.records if name > past)
    return message._replace(
        forgotten=message.forgotten + len(message.records) - len(names),
        records=tuple(names),
        begun=tuple(sorted(name - past for name in message.begun)),
        copies=tuple(sorted(copy if copy == _DEAD_FOR_GOOD else _since(copy, past) for copy in copies)),
    )


def _as_dead(copy: Copy, message: Message) -> Copy:
    """SQS moves what has no receive left to the DLQ: at once here, as nothing else can become of it."""
    if copy.place is not Place.DEAD and not (copy.place is Place.QUEUE and copy.receives >= MAX_RECEIVES):
        return copy
    if copy.is_rescued:
        return _DEAD_FOR_GOOD
    earlier = copy.earlier + copy.receives
    return Copy(place=Place.DEAD, earlier=earlier, interrupted=copy.interrupted, deaths=copy.deaths)


def _is_given_up(copy: Copy, message: Message, rules: Rules) -> bool:
    """Whether each receive that it has left gives it up, by all that can be known of it then."""
    if copy.place is Place.DEAD:
        return True
    if copy.place not in _NO_DECISION or (not copy.is_copy and not copy.receives):
        return False
    next_receive = copy.receives + (copy.place is not Place.RETURNED)
    known = copy._replace(attempts=message.attempts)
    left = [known._replace(receives=receives) for receives in range(next_receive, MAX_RECEIVES + 1)]
    # Where it is renewed before it is looked up, by a stop or in an outage.
    left.append(known._replace(receives=1, since=0))
    return all(rules.after_receive(budget(each, rules)) is Step.GIVE_UP for each in left)


def _without_details(copy: Copy, message: Message, rules: Rules) -> Copy:
    if copy.place is Place.DEAD:
        return copy
    if copy.receives:
        copy = copy._replace(is_copy=False)
    if message.is_killer and copy.place in {Place.BATCH, Place.ALONE}:
        copy = copy._replace(attempts=UNKNOWN, explained=0, begun=NONE)
    elif copy.explained and copy.attempts != UNKNOWN and _decides_alike(copy, rules):
        copy = copy._replace(explained=0)
    return copy


def _decides_alike(copy: Copy, rules: Rules) -> bool:
    with_it, without = budget(copy, rules), budget(copy._replace(explained=0), rules)
    decides = (rules.at_stop, rules.is_suspect_next)
    return all(decide(with_it) == decide(without) for decide in decides)


def _with_outcomes(message: Message, copies: list[Copy]) -> Message:
    """What has begun, and can neither be taken back nor begun again, is as good as known to be interrupted."""
    if not message.begun or any(copy.place is Place.SUSPECT for copy in copies):
        return message
    referred = {name for copy in copies for name in (copy.begun, copy.interrupted)}
    over = tuple(name for name in message.begun if name not in referred)
    begun = tuple(name for name in message.begun if name in referred)
    return message._replace(records=message.records + over, begun=begun)


def _since(copy: Copy, past: int) -> Copy:
    return copy._replace(
        earlier=copy.earlier - past,
        interrupted=NONE if copy.interrupted == NONE else copy.interrupted - past,
        begun=NONE if copy.begun == NONE else copy.begun - past,
    )
