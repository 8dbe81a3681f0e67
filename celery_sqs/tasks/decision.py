"""What a failure means for the message of the task that failed: decided here, and nowhere else.

Failed attempts are counted, and as many are allowed as the queue allows receives (maxReceiveCount). So a decision is
one number: the seconds until the message is visible again. After the last attempt it is visible at once, again and
again, until SQS moves it to the DLQ.

| kind | what has happened | the message |
|---|---|---|
| own | the task raised | back after a pause that doubles, with full jitter; deleted if a retry has sent another |
| permanent | it raised what no later attempt can fix, or Reject | back at once, so it is in the DLQ within a second |
| lost | its process was killed, or it overran its time limit | like own |
| begun | it runs alone, or its worker died while it did: it is on record before it begins | nothing yet |
| poison | nobody can read it, has such a task, or may run it from this queue | like permanent |
| outage | what the task depends on is away | stays with the worker, leased, and is run again without another receive |
| blocked | what this call alone depends on is not to be had | as in an outage, after a pause; the others go on |
"""

import logging
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, Protocol

from billiard.einfo import ExceptionWithTraceback  # type: ignore[attr-defined]  # the stubs lag behind
from billiard.exceptions import Terminated, TimeLimitExceeded, WorkerLostError
from celery.exceptions import Reject, Retry
from celery.utils.serialization import UnpickleableExceptionWrapper

from celery_sqs import system
from celery_sqs.aws.queue import LONGEST_DELAY
from celery_sqs.errors import SQSError
from celery_sqs.tasks.declared import Exceptions

logger = logging.getLogger(__name__)

#: Seconds before the second attempt, at the most, and before any. Full jitter: any time up to that.
#: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
BACKOFF_BASE: Final = 1.0
BACKOFF_CAP: Final = 60.0

BLOCKED_PAUSE: Final = 5  # seconds until a blocked call is run again

MAX_LONG: Final = 16_000  # characters of an error: it may quote a message, which may have a million
MAX_SHORT: Final = 200  # characters of an error in another one's text

#: What the pool says of a task that was not there to say it itself.
LOST: Final = (SystemExit, KeyboardInterrupt, Terminated, TimeLimitExceeded, WorkerLostError)


class Kind(StrEnum):
    """Whose fault a failure is."""

    OWN = "own"
    PERMANENT = "permanent"
    LOST = "lost"
    BEGUN = "begun"
    POISON = "poison"
    OUTAGE = "outage"
    BLOCKED = "blocked"

    @property
    def is_failed_attempt(self) -> bool:
        """Whether the call has failed, rather than met something that is not to be had now."""
        return self not in {Kind.OUTAGE, Kind.BLOCKED}


def describe(error: BaseException) -> str:
    """An error's class and text, cut. One of an author's own class may fail to say its text."""
    try:
        return f"{type(error).__name__}: {error}"[:MAX_LONG]
    except Exception as failure:
        return f"{type(error).__name__}, whose text raises {type(failure).__name__}"


def log_error(
    log: logging.Logger, error: BaseException, text: str, *what: Any, fields: Mapping[str, Any] | None = None
) -> None:
    """Log an error of what is around a call, such as a hook, with its traceback.

    Without that where an error in it has a text that may quote a message: a hook is given what anybody has sent.

    Args:
        log: where to.
        error: the error.
        text: what has failed.
        what: what the text names.
        fields: what else the line carries.
    """
    is_long = any(len(describe(each)) >= MAX_LONG for each in _chain(error))
    if is_long:
        text, what = f"{text}: %s", (*what, describe(error))
    log.error(text, *what, exc_info=None if is_long else error, extra=fields, stacklevel=2)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that its traceback has before it."""
    each: BaseException | None = error
    seen: set[int] = set()
    while each is not None and id(each) not in seen:
        yield each
        seen.add(id(each))
        each = each.__cause__ or each.__context__


class FailsAlone(SQSError):
    """A call fails as in an outage, alone and again and again, while the probe succeeds: the call is to blame."""

    @classmethod
    def after(cls, runs: int, error: BaseException) -> "FailsAlone":
        """After so many runs, the last of which has raised this.

        The error's first line stands for it: what follows is often the statement, whose text may be the cause.
        """
        first_line = str(error).partition("\n")[0][:MAX_SHORT]
        return cls(f"{runs} times in a row, while what it depends on answers: {type(error).__name__}: {first_line}")


class Resent(Retry):
    """A retry for which a new message has been sent: this one is done."""


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """What is to become of the message of a failed task.

    Attributes:
        kind: whose fault it was.
        delay: seconds until the message is visible again, or run again by this worker where it is blocked; of no
            meaning in an outage.
        final: whether the queue allows no further attempt, so that SQS moves it to the DLQ then.
        error: what was raised, in one line; filled in where the process that decides is not the one that reports.
        traceback: where, as text.
        is_recorded: whether the attempt is on record, unless nothing is to be.
        is_resent: whether a new message takes the place of this one, which is deleted.
    """

    kind: Kind
    delay: int = 0
    final: bool = False
    error: str = ""
    traceback: str = ""
    is_recorded: bool = True
    is_resent: bool = False

    def with_error(self, error: BaseException, einfo: Any) -> "RetryDecision":
        """The same decision, with what was raised and where.

        Of a call that breaks a statement, the traceback may quote what breaks it: others are to write this, too.
        """
        where = "" if isinstance(error, FailsAlone) else str(einfo.traceback)
        return replace(self, error=describe(error), traceback=where)


class RetryPolicy(Protocol):
    """What is asked of a task; see `celery_sqs.tasks.task.SQSTask`."""

    permanent: ClassVar[Exceptions]
    blocked: ClassVar[Exceptions]
    backoff_base: ClassVar[float]
    backoff_cap: ClassVar[float]

    @staticmethod
    def is_outage(error: BaseException) -> bool:
        """Whether what the task depends on may be away."""


def decide(
    task: RetryPolicy, error: BaseException, message_id: str, attempt: int, max_receive_count: int | None
) -> RetryDecision:
    """The decision on a failed attempt: the same in the process that ran it and in the worker's main process.

    Args:
        task: says what an outage is, what is permanent, and how long the pauses are.
        error: what was raised.
        message_id: SQS's.
        attempt: the attempt's number, from 1.
        max_receive_count: attempts that the queue allows; None without a redrive policy.
    """
    if isinstance(error, Resent):
        return RetryDecision(Kind.OWN, _delay(error.when), is_resent=True)
    if looks_like_outage(task, error):
        return RetryDecision(Kind.OUTAGE)
    cause = cause_of(error)
    if _is_one_of(cause, task.blocked):
        return RetryDecision(Kind.BLOCKED, BLOCKED_PAUSE)
    final = is_last(attempt, max_receive_count)
    if isinstance(error, Reject) or _is_one_of(cause, task.permanent):
        is_requeued = isinstance(error, Reject) and error.requeue  # type: ignore[attr-defined]  # the stubs lack it
        return RetryDecision(Kind.OWN if is_requeued else Kind.PERMANENT, 0, final)
    kind = Kind.LOST if isinstance(error, LOST) else Kind.OWN
    if final:
        return RetryDecision(kind, 0, final=True)
    if isinstance(error, Retry) and error.when is not None:
        delay = _delay(error.when)
    else:
        delay = backoff(message_id, attempt, task.backoff_base, task.backoff_cap)
    return RetryDecision(kind, delay)


def is_last(attempt: int, max_receive_count: int | None) -> bool:
    """Whether an attempt is the last that the queue allows. Without a redrive policy there is no last one."""
    return max_receive_count is not None and attempt >= max_receive_count


def backoff(message_id: str, attempt: int, base: float, cap: float) -> int:
    """Seconds until a message is visible again after an attempt, with full jitter.

    The dice are the message's own, so two processes that ask get the same answer.
    """
    ceiling = min(cap, LONGEST_DELAY, base * 2.0 ** min(attempt - 1, 30))
    return round(random.Random(f"{message_id} {attempt}").uniform(0, ceiling))


def unwrapped(exc_info: Any) -> BaseException:
    """The exception in what a pool reports of a failure."""
    error: BaseException = exc_info.exception
    return error.exc if isinstance(error, ExceptionWithTraceback) else error


def looks_like_outage(task: RetryPolicy, error: BaseException) -> bool:
    """Whether a task takes an error for an outage. Where it has a probe, that has the last word, before `decide`."""
    cause = cause_of(error)
    if isinstance(cause, FailsAlone) or isinstance(error, Resent):
        return False
    try:
        return task.is_outage(cause)
    # It is asked about whatever a task can raise, and an answer there must be.
    except Exception as failure:
        log_error(logger, failure, "whether %s is an outage is not known", describe(cause))
        return False


def cause_of(error: BaseException) -> BaseException:
    """Why a task gave up, where it said so."""
    return error.exc if isinstance(error, Retry) and isinstance(error.exc, BaseException) else error


def _is_one_of(error: BaseException, classes: Any) -> bool:
    """Whether an exception is of some class; by name where it could not be pickled and another stands for it.

    Args:
        error: the exception.
        classes: a tuple of classes, as `celery_sqs.tasks.declared.make_tuples` has made it.
    """
    if isinstance(error, UnpickleableExceptionWrapper):
        named = {(each.__module__, each.__name__) for each in classes}
        return (error.exc_module, error.exc_cls_name) in named
    return isinstance(error, classes)


def seconds_until(when: Any) -> float:
    """Of the `when` of Celery's Retry: a number of seconds, or an instant, which is in UTC where it has no zone."""
    if isinstance(when, datetime):
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        return (aware - system.now(UTC)).total_seconds()
    return float(when or 0)


def _delay(when: Any) -> int:
    """For how long SQS is to hide a message, which is shorter where the run was long: see `Settler.release`."""
    return int(min(LONGEST_DELAY, max(0, seconds_until(when))))
