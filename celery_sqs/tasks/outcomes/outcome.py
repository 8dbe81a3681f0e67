"""What a single task's failure is to Celery: RETRY while its message has an attempt left, FAILURE after the last.

The attempt is decided on and on record before Celery gets it, so that an outage of the store cannot make a failure of
what runs again.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from billiard.einfo import ExceptionInfo
from celery.exceptions import MaxRetriesExceededError, Retry

from celery_sqs.tasks.attempt import Attempt
from celery_sqs.tasks.decision import Kind, RetryDecision, cause_of, decide
from celery_sqs.tasks.outcomes.attempt_number import attempt_of

if TYPE_CHECKING:
    from celery_sqs.tasks.task import SQSTask

#: The attribute of a request that holds the outcome of its run, once that has failed.
OUTCOME: Final = "sqs_outcome"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a failed run.

    Attributes:
        raised: what Celery is to see: a Retry, or the error of the last attempt.
        decision: what becomes of the message.
    """

    raised: BaseException
    decision: RetryDecision


def close(task: "SQSTask", raised: BaseException) -> Outcome:
    """Decide on the failed run of a task's current request, log it and record it."""
    error = cause_of(raised)
    einfo: Any = ExceptionInfo((type(error), error, error.__traceback__ or raised.__traceback__))
    try:
        decision = noted(task, raised, error, einfo.traceback)
    except Exception as outage:
        raised, decision = outage, RetryDecision(Kind.OUTAGE)
    einfo.is_recorded = decision.is_recorded
    outcome = Outcome(_to_celery(task, raised, decision), decision.with_error(error, einfo))
    setattr(task.request, OUTCOME, outcome)
    return outcome


def noted(task: "SQSTask", raised: BaseException, error: BaseException, traceback: str) -> RetryDecision:
    """The decision on the failed run of a task's current request, which is logged and on record then.

    Args:
        task: the task.
        raised: what it raised.
        error: why.
        traceback: where, as text.

    Raises:
        Exception: an outage (`is_outage`) keeps it from being recorded.
    """
    request: Any = task.request
    message_id = str(getattr(request, "message_id", None) or request.id)
    decision = decide(task, raised, message_id, attempt_of(request), task.max_receive_count)
    attempt = Attempt.of(task.name, request, message_id, task.receive_count, decision, error, traceback)
    return replace(decision, is_recorded=task.note(attempt))


def _to_celery(task: "SQSTask", error: BaseException, decision: RetryDecision) -> BaseException:
    if decision.final:
        no_more = MaxRetriesExceededError(f"{task.name} asked for an attempt after its last one")
        return no_more if cause_of(error) is error and isinstance(error, Retry) else cause_of(error)
    if isinstance(error, Retry):
        return error
    again = Retry(exc=error, when=decision.delay)  # type: ignore[arg-type]  # an int is Real
    again.__cause__ = error
    return again
