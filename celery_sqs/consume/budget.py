"""The two budgets of a message, and the step that follows from them: pure functions, which the model calls, too.

The failure budget is the queue's maxReceiveCount, and what spends it is on record: an attempt. SQS's receive count is
only a lease budget: a killed worker, a stop or a lost lease spends it as well. Before it runs out, the message is
renewed: sent anew with its identity and history, and the old copy deleted once SQS has confirmed the new one.

A task that keeps no record of its attempts has one budget, its receives: each of them counts as an attempt. Only a stop
renews its message. So it is with a message whose attempts a task's store does not record, or cannot look up.
"""

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """What a worker does with a message."""

    RUN = "run"  # with others
    RUN_ALONE = "run alone"  # nothing else runs, and its attempt is on record before it begins
    RENEW = "renew"
    RENEW_UNSPENT = "renew unspent"  # with a failure budget of its own
    DEFER = "defer"  # renew, and have SQS delay the copy: it is not due yet
    POSTPONE = "postpone"  # the same where no copy can be sent: it waits in this worker until it is due
    GIVE_UP = "give up"  # visible at once, until SQS moves it to the DLQ
    PARK = "park"  # what is on record cannot be read now
    RELEASE = "release"  # visible at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a worker knows of a message that it has received.

    Attributes:
        receives: how often SQS has handed out this copy of the message, this time included.
        max_receives: receives that the queue allows; None without a redrive policy.
        attempts: failed attempts on record, at all copies; None: not known.
        explained: receives of this copy, before this one, that have an attempt on record. Its own: a second copy of a
            message, whose renewal was interrupted, has attempts, too.
        attempts_before: those on record when they were last looked up before this copy was sent, 0 for a message that
            never was renewed; None: not known then.
        receives_before: receives since then of earlier copies, each of which may have begun an attempt.
        is_resent: whether this copy was made before the last attempt on record, and sent after it: not by a worker.
        is_suspect: whether an earlier copy came back and nothing on record said why.
        is_renewable: whether a copy can be sent. A FIFO queue would lose its order.
        records: whether its attempts are on record.
        is_due: whether its `eta`, if it has one, is over. Before that nothing has begun.
    """

    receives: int
    max_receives: int | None
    attempts: int | None = 0
    explained: int = 0
    attempts_before: int | None = 0
    is_resent: bool = False
    receives_before: int = 0
    is_suspect: bool = False
    is_renewable: bool = True
    records: bool = True
    is_due: bool = True

    @property
    def is_last(self) -> bool:
        """Whether this copy has no receive left. Of one that may be received once only, each is the last."""
        return self.max_receives is not None and self.receives >= self.max_receives > 1

    @property
    def is_spent(self) -> bool:
        """Whether the failure budget is spent, as far as that is known."""
        return self.max_receives is not None and self.attempts is not None and self.attempts >= self.max_receives

    @property
    def returns(self) -> int:
        """Receives before this one, each of which may have begun an attempt."""
        return self.receives_before + self.receives - 1

    @property
    def is_unexplained(self) -> bool:
        """Whether one of them has no attempt on record, or may have none."""
        return self.returns > (0 if self.attempts is None else self.explained)


def after_receive(budget: Budget) -> Step:
    """What follows from what is on record of a message that has been received; of one that is not due, from nothing."""
    if not budget.is_due:
        return Step.DEFER if budget.is_renewable else Step.POSTPONE
    if budget.max_receives is None:
        return Step.RUN
    if budget.attempts is None:
        return Step.RENEW if budget.is_renewable and budget.is_last else Step.PARK
    if budget.is_spent:
        return Step.RENEW_UNSPENT if _was_redriven(budget) else Step.GIVE_UP
    if budget.records and _needs_renewal(budget):
        return Step.RENEW if budget.is_renewable else Step.RUN_ALONE
    return Step.RUN_ALONE if budget.is_suspect else Step.RUN


def at_stop(budget: Budget) -> Step:
    """What a stopping worker does with a message that has not begun to run.

    A copy of a message whose attempts are recorded takes the calls that a release and the renewal after it would take,
    and nobody suspects it.
    """
    if not budget.is_due and budget.is_renewable:
        return Step.DEFER
    if budget.max_receives is None or not budget.is_renewable or budget.is_spent:
        return Step.RELEASE
    # Without a record, a release is an attempt: the last one is not to be spent by a stop.
    has_next = (budget.attempts or 0) + 1 < budget.max_receives
    return Step.RELEASE if has_next and not budget.records else Step.RENEW


def at_pause(budget: Budget) -> Step:
    """What a worker does with a message that has not begun when its queue is paused. No step spends a receive.

    A release spends none where the queue allows any number.
    """
    if budget.max_receives is None:
        return Step.RELEASE
    return Step.RENEW if budget.is_renewable else Step.PARK


def is_suspect_next(budget: Budget) -> bool:
    """Whether the next copy of a message is a suspect."""
    return budget.is_suspect or (budget.records and budget.is_unexplained)


def _needs_renewal(budget: Budget) -> bool:
    """Whether it is renewed before it runs.

    A suspect waits and runs at the first receive of a copy only. Whatever ends its worker there, the copy has all its
    other receives left for the renewal. What has only failed is renewed on its last receive: parked on it, it would be
    dead after the next crash, with attempts left.
    """
    return budget.returns > 0 if budget.is_suspect else budget.is_unexplained or budget.is_last


def _was_redriven(budget: Budget) -> bool:
    """Whether a dead message was sent again by SQS's own redrive: its copy has attempts, and no receive yet.

    So has a second copy of a message whose renewal was interrupted. But no attempt was between its making and sending.
    """
    before = budget.attempts_before
    is_first = budget.records and budget.returns == 0 and budget.is_resent
    return is_first and before is not None and before < (budget.attempts or 0)
