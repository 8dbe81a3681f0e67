"""The outcome of each call of a batch, reported by Celery's tracer where somebody such as Sentry has patched that.

Such a patch wraps what `celery.app.trace.build_tracer` makes: it continues the call's trace there, and sees an error
that the task's `__call__` raises. So the tracer runs once for each call, and the task returns or raises the outcome
that the batch has found.
"""

from collections.abc import Callable
from typing import Any, Final

from celery.app import trace
from celery.app.task import Context
from celery.exceptions import Reject

from celery_sqs import system
from celery_sqs.patches import is_unpatched
from celery_sqs.tasks.decision import RetryDecision, decide
from celery_sqs.tasks.escape import escapes
from celery_sqs.tasks.outcomes.attempt_number import attempt_of
from celery_sqs.tasks.outcomes.tracer import make_tracer

#: The attribute of a request with a function which returns or raises the outcome.
GIVEN: Final = "sqs_given"

#: Reports the outcome of a call with this request; returns the decision on it if it has failed.
Report = Callable[[Context, Any], RetryDecision | None]


def is_patched() -> bool:
    """Whether the tracer is another than Celery's own."""
    return not is_unpatched(trace.build_tracer, trace)


def is_run(task: Any, request: Any, outcome: Any) -> bool:
    """Whether a tracer gets this outcome of a call: not what is parked, and not what would end the tracer."""
    if not isinstance(outcome, BaseException):
        return True
    kind = decide(task, outcome, request.message_id, attempt_of(request), None).kind
    return kind.is_failed_attempt and not (isinstance(outcome, Reject) or escapes(outcome))


def reporter(task: Any, began: float) -> Report:
    """A function for the outcomes of a batch.

    Args:
        task: the task.
        began: when its run did, by `time.monotonic`.
    """

    def clock() -> float:
        """Celery's tracer asks before it has pushed a request, and when it has run."""
        return began if task.request_stack.top is None else system.time.monotonic()

    tracer = make_tracer(task, monotonic=clock)

    def report(request: Context, outcome: Any) -> RetryDecision | None:
        facts = {**vars(request), GIVEN: lambda: _give(outcome)}
        before = getattr(outcome, "__traceback__", None)
        info = tracer(request.id, request.args, request.kwargs, facts)[1]
        if isinstance(outcome, BaseException):
            outcome.__traceback__ = before  # other calls may have the same
        decision: RetryDecision | None = getattr(info, "decision", None)
        return decision

    return report


def _give(outcome: Any) -> Any:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
