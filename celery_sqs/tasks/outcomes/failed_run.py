"""A failed run of a task, as Celery gets it: RETRY while its message has an attempt left, FAILURE after the last.

The attempt is decided on and recorded before Celery gets it. So an outage of the store cannot make a FAILURE of a call
that runs again.
"""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from billiard.einfo import ExceptionInfo
from celery.exceptions import Ignore, MaxRetriesExceededError, Reject, Retry

from celery_sqs.tasks.attempt import Attempt
from celery_sqs.tasks.decision import Kind, RetryDecision, cause_of, decide, log_error, looks_like_outage
from celery_sqs.tasks.outcomes.attempt_number import attempt_of

if TYPE_CHECKING:
    from celery_sqs.tasks.task import SQSTask

logger = logging.getLogger(__name__)

#: The attribute of a request that has its failed run, once there is one.
FAILED_RUN: Final = "sqs_failed_run"


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A failed run, as Celery gets it.

    Attributes:
        raised: what Celery is to see: a Retry, or the error of the last attempt.
        decision: what becomes of the message.
        einfo: what hooks and signals get of the error.
    """

    raised: BaseException
    decision: RetryDecision
    einfo: Any


def close(task: "SQSTask", raised: BaseException) -> FailedRun:
    """Decide on the failed run of a task's current request, record it and log it."""
    decision = _decision(task, raised)
    error = _failure(task, raised, decision)
    if error.__traceback__ is None:  # the log and the caller are to get the same one
        error.__traceback__ = raised.__traceback__
    einfo: Any = _einfo(error)
    try:
        decision = _recorded(task, decision, error, einfo.traceback)
    except Exception as failure:
        if looks_like_outage(task, failure):
            raised, decision = failure, RetryDecision(Kind.OUTAGE)
        else:  # of a hook or of logging: another run would meet it, too
            text = "a failed attempt of %s[%s] is not recorded or not logged"
            log_error(logger, failure, text, task.name, task.request.id)
            decision = replace(decision, is_recorded=False)
    seen = error if decision.final else _again(raised, decision)
    failed_run = FailedRun(seen, decision.with_error(error, einfo), einfo)
    setattr(task.request, FAILED_RUN, failed_run)
    return failed_run


def _einfo(error: BaseException) -> ExceptionInfo:
    return ExceptionInfo((type(error), error, error.__traceback__)) if error.__traceback__ else _Returned(error)


class _Returned(ExceptionInfo):
    """Of an error that a batch has returned, and nobody has raised."""

    def __init__(self, error: BaseException) -> None:
        self.type: Any = type(error)
        self.exception = error
        self.traceback = "".join(traceback.format_exception(error))


def closing(task: "SQSTask", run: Callable[[], Any]) -> Any:
    """Run a task's current request. An attempt that fails and is not the last is a Retry to whoever sees it raised."""
    try:
        return run()
    except (Ignore, Reject):
        raise
    except Exception as error:
        failed_run = close(task, error)
        if failed_run.raised is error:
            raise
        raise failed_run.raised from error


def _failure(task: "SQSTask", raised: BaseException, decision: RetryDecision) -> BaseException:
    cause = cause_of(raised)
    if decision.final and isinstance(cause, Retry):
        return MaxRetriesExceededError(f"{task.name} asked for an attempt after its last one")
    return cause


def _decision(task: "SQSTask", raised: BaseException) -> RetryDecision:
    return decide(task, raised, message_id_of(task.request), attempt_of(task.request), task.max_receive_count)


def _recorded(task: "SQSTask", decision: RetryDecision, error: BaseException, traceback: str) -> RetryDecision:
    request = task.request
    which = message_id_of(request), task.receive_count
    attempt = Attempt.of(task.name, request, *which, decision, error, traceback)
    return replace(decision, is_recorded=task.note(attempt))


def message_id_of(request: Any) -> str:
    """SQS's own id of the message of a request; the task's id where nobody says it."""
    return str(getattr(request, "message_id", None) or request.id)


def _again(error: BaseException, decision: RetryDecision) -> Retry:
    if isinstance(error, Retry):
        return error
    again = Retry(exc=error, when=decision.delay)  # type: ignore[arg-type]  # an int is Real
    again.__cause__ = error
    return again
