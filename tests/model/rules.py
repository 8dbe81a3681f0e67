"""The rules that the model follows: the product's own decisions, and what the worker keeps to beside them.

Each rule can be taken out, to see that it matters.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from celery_sqs.consume import budget
from celery_sqs.consume.budget import Budget, Step


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a worker does.

    Attributes:
        after_receive, at_stop, at_pause, is_suspect_next: the decisions, see `celery_sqs.consume.budget`.
        examines_first: nothing begins before all that has come back is known, and safe.
        runs_alone: nothing else runs beside a suspect.
        records_first: a suspect's attempt is on record before it begins.
        withdraws: that record is taken back when the attempt succeeds.
        sends_first: a copy is sent before the old message is deleted.
        receives_beside_suspects: whether more is received while a suspect runs.
        keeps_records: whether the task has a store of attempts.
    """

    after_receive: Callable[[Budget], Step] = budget.after_receive
    at_stop: Callable[[Budget], Step] = budget.at_stop
    at_pause: Callable[[Budget], Step] = budget.at_pause
    is_suspect_next: Callable[[Budget], bool] = budget.is_suspect_next
    examines_first: bool = True
    runs_alone: bool = True
    records_first: bool = True
    withdraws: bool = True
    sends_first: bool = True
    receives_beside_suspects: bool = False
    keeps_records: bool = True


def _runs(known: Budget) -> Step:
    return Step.RUN_ALONE if known.is_suspect else Step.RUN


def _unexplained_runs(known: Budget) -> Step:
    step = budget.after_receive(known)
    return _runs(known) if step is Step.RENEW and not known.is_last else step


def _suspect_runs_again(known: Budget) -> Step:
    step = budget.after_receive(known)
    return _runs(known) if step is Step.RENEW and not known.is_unexplained and not known.is_last else step


def _last_runs(known: Budget) -> Step:
    step = budget.after_receive(known)
    return _runs(known) if step is Step.RENEW and not known.is_unexplained and not known.is_suspect else step


def _receives_are_spent(known: Budget) -> Step:
    return Step.GIVE_UP if known.is_last else budget.after_receive(known)


def _parked_to_the_last(known: Budget) -> Step:
    return Step.PARK if known.attempts is None else budget.after_receive(known)


def _released(known: Budget) -> Step:
    return Step.RELEASE


AS_BUILT = Rules()

#: The rules without one of them.
WITHOUT = {
    "what is unexplained is renewed": replace(AS_BUILT, after_receive=_unexplained_runs),
    "a suspect that comes back is renewed": replace(AS_BUILT, after_receive=_suspect_runs_again),
    "what is on its last receive is renewed": replace(AS_BUILT, after_receive=_last_runs),
    "spent is what is on record, not the receives": replace(AS_BUILT, after_receive=_receives_are_spent),
    "the last receive is renewed in an outage, too": replace(AS_BUILT, after_receive=_parked_to_the_last),
    "the copy of an unexplained one is a suspect": replace(AS_BUILT, is_suspect_next=lambda known: False),
    "a stop renews": replace(AS_BUILT, at_stop=_released),
    "a pause renews": replace(AS_BUILT, at_pause=_released),
    "what has come back is examined first": replace(AS_BUILT, examines_first=False),
    "suspects run alone": replace(AS_BUILT, runs_alone=False),
    "an attempt is on record before it begins": replace(AS_BUILT, records_first=False),
    "the record is taken back on success": replace(AS_BUILT, withdraws=False),
    "a copy is sent before the old one is deleted": replace(AS_BUILT, sends_first=False),
    "nothing is received beside a suspect": replace(AS_BUILT, receives_beside_suspects=True),
}
