"""`BatchTask`: a task whose run gets many calls at once, and returns an error or None for each.

`celery_sqs.worker.collector` makes the batches in the worker's main process; this runs in its pool.
"""

import logging
import traceback as tracebacks
from typing import Any, ClassVar, Final

from celery import current_app, signals, states
from celery.app.task import Context
from celery.exceptions import SoftTimeLimitExceeded

from celery_sqs.message import wire
from celery_sqs.tasks.attempt import describe
from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import RetryDecision, decide, looks_like_outage
from celery_sqs.tasks.escape import Escaped, escapes
from celery_sqs.tasks.suspicion import answers, confirmed
from celery_sqs.tasks.task import SQSTask

logger = logging.getLogger(__name__)


class BatchTask(SQSTask):
    """Base of tasks whose `run(calls)` gets a list of `Call` and returns an error, or None, for each.

    An exception out of `run` is tried again on halves of the batch, until it stands alone with the
    calls that cause it: k bad calls among n cost O(k log n) runs. So is a batch that kills its process
    or overruns its time limit. An outage is not, once the probe (`is_back`) has confirmed it: it concerns
    all calls.

    Attributes:
        batch_size: calls in a batch, at the most.
    """

    abstract = True

    Strategy = "celery_sqs.worker.collector:strategy"

    batch_size: ClassVar[int] = 100


def run_batch(task_name: str, calls: list[Call]) -> list[RetryDecision | None]:
    """In the pool: run the task on a batch; returns the decision on each call that failed, None for the others.

    Celery's signals are sent for each call as if it had run alone.

    Raises:
        SoftTimeLimitExceeded: the batch as a whole took too long.
    """
    task: Any = current_app.tasks[task_name]
    for call in calls:
        signals.task_prerun.send(sender=task, task_id=call.id, task=task, args=call.args, kwargs=call.kwargs)
    return [_close(task, call, error) for call, error in zip(calls, _attempt(task, calls), strict=True)]


def _attempt(task: BatchTask, calls: list[Call]) -> list[BaseException | None]:
    try:
        return _Search(task).errors(calls)
    except SoftTimeLimitExceeded as error:
        if len(calls) == 1:
            return [error]
        raise


#: Of a call that is to run alone: last, as one that is to blame takes several runs.
_ALONE: Final = Exception("runs alone")


class _Search:
    """The error of each call, by running halves where all fail together.

    An outage ends it: what has not been run yet is not worth running.
    """

    def __init__(self, task: BatchTask) -> None:
        self._task = task
        self._outage: Exception | None = None

    def errors(self, calls: list[Call]) -> list[BaseException | None]:
        """The error of each of these calls, None for those that succeeded."""
        found = self._by_halves(calls)
        return [self._error(call) if error is _ALONE else error for call, error in zip(calls, found, strict=True)]

    def _by_halves(self, calls: list[Call]) -> list[BaseException | None]:
        if self._outage:
            return [self._outage] * len(calls)
        if len(calls) == 1:
            return [_ALONE]
        try:
            return [_ALONE if self._is_suspect(error) else error for error in _run(self._task, calls)]
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

    def _is_suspect(self, error: BaseException | None) -> bool:
        """Whether an answer of the task for one of several calls looks like an outage."""
        return error is not None and looks_like_outage(self._task, error)

    def _error(self, call: Call) -> BaseException | None:
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

    def _run_alone(self, call: Call) -> BaseException | None:
        [error] = _run(self._task, [call])
        if error is not None and self._is_suspect(error):
            raise error
        return error


def _run(task: BatchTask, calls: list[Call]) -> list[BaseException | None]:
    try:
        errors: list[BaseException | None] = task.run(calls)
    except BaseException as error:
        if escapes(error):
            raise Escaped(f"{type(error).__name__}: {error}") from error
        raise
    if len(errors) != len(calls):
        raise TypeError(f"{task.name} answered {len(errors)} of {len(calls)} calls")
    return errors


def _close(task: BatchTask, call: Call, error: BaseException | None) -> RetryDecision | None:
    """The decision on a call, after the task's own hook and Celery's signals have been called."""
    known = {
        "id": call.id,
        "message_id": call.message_id,
        "hostname": call.worker,
        "retries": call.retries,
        wire.RECEIVE_COUNT: call.receive_count,
        wire.MAX_RECEIVE_COUNT: call.max_receive_count,
    }
    fields = {"task_id": call.id, "args": call.args, "kwargs": call.kwargs}
    decision = None
    task.request_stack.push(Context({**call.headers, **known}, args=call.args, kwargs=call.kwargs))
    try:
        if error is None:
            signals.task_success.send(sender=task, result=None)
        else:
            einfo = _Traceback(error)
            decided = decide(
                task, _noted(task, call, error, einfo), call.message_id, call.retries + 1, call.max_receive_count
            )
            decision = decided.with_error(error, einfo)
            if decision.kind.is_failed_attempt:
                signals.task_failure.send(
                    sender=task, exception=error, traceback=error.__traceback__, einfo=einfo, **fields
                )
        state = states.FAILURE if decision else states.SUCCESS
        signals.task_postrun.send(sender=task, task=task, retval=error, state=state, **fields)
    finally:
        task.request_stack.pop()
    return decision


def _noted(task: BatchTask, call: Call, error: BaseException, einfo: "_Traceback") -> BaseException:
    """The error that counts: the call's own, or the outage that keeps it from being recorded."""
    try:
        task.on_failure(error, call.id, call.args, call.kwargs, einfo)
    except Exception as outage:
        return outage
    return error


class _Traceback:
    """As much of Celery's ExceptionInfo as hooks and signals read."""

    def __init__(self, error: BaseException) -> None:
        self.exception = error
        self.traceback = "".join(tracebacks.format_exception(error))
