"""`BatchTask`: a task whose run gets many calls at once, and returns an outcome for each: a result, or an error.

`celery_sqs.worker.collector` makes the batches in the worker's main process; this runs in its pool.
"""

import contextvars
import logging
from typing import Any, ClassVar, Final

from celery import current_app
from celery.app.task import Context
from celery.exceptions import SoftTimeLimitExceeded, TaskPredicate
from celery.utils.saferepr import saferepr

from celery_sqs import system
from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import MAX_SHORT, RetryDecision, describe, looks_like_outage
from celery_sqs.tasks.escape import Escaped, escapes
from celery_sqs.tasks.outcomes import batch_outcome, traced
from celery_sqs.tasks.outcomes.failed_run import closing
from celery_sqs.tasks.suspicion import answers, confirmed
from celery_sqs.tasks.task import SQSTask

logger = logging.getLogger(__name__)


class BatchTask(SQSTask):
    """Base of tasks whose `run(calls)` gets a list of `Call` and returns a list with an outcome for each.

    An outcome is an exception, which the call has failed with, or else the call's result. Of celery.exceptions, `Retry`
    is a failed attempt that says when the next one is to be, and `Ignore` is neither a failure nor a result.

    An exception out of `run` is tried again on halves of the batch, until it stands alone with the
    calls that cause it: k bad calls among n cost O(k log n) runs. So is a batch that kills its process
    or overruns its time limit. An outage is not, once the probe (`is_back`) has confirmed it: it concerns
    all calls. Nor is an answer of another type or length: each call has failed with a TypeError that shows it.

    Attributes:
        batch_size: calls in a batch, at the most.
        typing: off, as `run` does not have the arguments of a call: Celery would compare them.
    """

    abstract = True
    typing = False

    Strategy = "celery_sqs.worker.collector:strategy"

    batch_size: ClassVar[int] = 100

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run one call here and now, as a batch of its own; so do Celery's `apply` and `task_always_eager`.

        Or give the outcome of a call whose batch has run: see `celery_sqs.tasks.outcomes.traced`.
        """
        given = getattr(self.request, traced.GIVEN, None)
        if given is not None:
            return closing(self, given)
        [outcome] = _run(self, [Call.without_message(self.request, args, kwargs)])
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def run_batch(task_name: str, calls: list[Call]) -> list[RetryDecision | None]:
    """In the pool: run the task on a batch; returns the decision on each call that failed, None for the others.

    Results are stored, hooks are called and Celery's signals are sent for each call as if it had run alone.

    Raises:
        SoftTimeLimitExceeded: the batch as a whole took too long.
    """
    task: Any = current_app.tasks[task_name]
    began = system.time.monotonic()
    tracer = traced.reporter(task, began) if traced.is_patched() else None
    is_reported = tracer is not None or batch_outcome.is_reported(task)
    with batch_outcome.current(task):
        before = contextvars.copy_context()
        begun = [
            _begin(task, call, tracer) if is_reported or batch_outcome.is_awaited(task, call) else None
            for call in calls
        ]
        outcomes = _attempt(task, calls)
        decisions: list[RetryDecision | None] = []
        for call, reported, outcome in zip(calls, begun, outcomes, strict=True):
            if reported is None and not isinstance(outcome, BaseException):
                decisions.append(None)  # nobody asks for it, so that there is no request, either
                continue
            context, request = reported or (before.copy(), Context(call.context()))
            decisions.append(_report(task, context, tracer, request, outcome, began))
        return decisions


def _begin(task: Any, call: Call, tracer: traced.Report | None) -> tuple[contextvars.Context, Context]:
    """A call's context and Celery's request of it, once it is reported that it is about to run."""
    request = Context(call.context())
    return batch_outcome.begin(task, request, is_announced=tracer is None), request


def _report(
    task: Any, context: contextvars.Context, tracer: traced.Report | None, request: Context, outcome: Any, began: float
) -> RetryDecision | None:
    if tracer is not None:
        if traced.is_run(task, request, outcome):
            return context.run(tracer, request, outcome)
        context = batch_outcome.begin(task, request)
    return context.run(batch_outcome.end, task, request, outcome, system.time.monotonic() - began)


def _attempt(task: BatchTask, calls: list[Call]) -> list[Any]:
    try:
        return _Search(task).outcomes(calls)
    except SoftTimeLimitExceeded as error:
        if len(calls) == 1:
            return [error]
        raise


#: In place of the outcome of a call that is to run alone. It runs last, as the one to blame takes several runs.
_ALONE: Final = Exception("runs alone")


class _Search:
    """The outcome of each call, by running halves where all fail together.

    An outage ends it: the calls that have not run yet get the outage as their outcome.
    """

    def __init__(self, task: BatchTask) -> None:
        self._task = task
        self._outage: Exception | None = None

    def outcomes(self, calls: list[Call]) -> list[Any]:
        """What each of these calls failed with, or its result."""
        found = self._by_halves(calls)
        return [self._alone(call) if each is _ALONE else each for call, each in zip(calls, found, strict=True)]

    def _by_halves(self, calls: list[Call]) -> list[Any]:
        if self._outage:
            return [self._outage] * len(calls)
        if len(calls) == 1:
            return [_ALONE]
        try:
            return [_ALONE if self._is_suspect(outcome) else outcome for outcome in _run(self._task, calls)]
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            if looks_like_outage(self._task, error):
                if not answers(self._task):
                    self._outage = error
                    return [error] * len(calls)
                text = "%d calls of %s fail as in an outage, and the probe succeeds: they are run in halves: %s"
                logger.warning(text, len(calls), self._task.name, describe(error).partition("\n")[0])
        # Out of the handler, so that the halves' errors do not drag this one along as their context.
        middle = len(calls) // 2
        return self._by_halves(calls[:middle]) + self._by_halves(calls[middle:])

    def _is_suspect(self, outcome: Any) -> bool:
        """Whether the task's outcome of one of several calls looks like an outage."""
        return isinstance(outcome, BaseException) and looks_like_outage(self._task, outcome)

    def _alone(self, call: Call) -> Any:
        if self._outage:
            return self._outage
        try:
            return confirmed(self._task, lambda: self._run_alone(call))
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            if looks_like_outage(self._task, error):
                self._outage = error
            return error

    def _run_alone(self, call: Call) -> Any:
        [outcome] = _run(self._task, [call])
        if self._is_suspect(outcome):
            raise outcome
        return outcome


def _run(task: BatchTask, calls: list[Call]) -> list[Any]:
    """The outcome of each call: the exception that it failed with, or its result."""
    try:
        answer = task.run(calls)
    except TaskPredicate as error:  # Retry and the like: meant for all calls
        return [error] * len(calls)
    except BaseException as error:
        if escapes(error):
            raise Escaped(f"{type(error).__name__}: {error}") from error
        raise
    if isinstance(answer, list | tuple) and len(answer) == len(calls):
        return list(answer)
    # `run` has had its effect, and each half would return the same.
    wanted = f"{task.name} has to return a list with an outcome for each of {len(calls)} calls"
    return [TypeError(f"{wanted}, and has returned {saferepr(answer, MAX_SHORT)}")] * len(calls)
