"""What becomes of one call of a batch, reported as Celery reports it of a single task.

The order is that of `celery.app.trace.build_tracer`, which runs one call of one task and cannot be used for many: what
follows a call is sent before its result is stored, so that the result names it. Of a failed attempt the task's own hook
hears first here, as it records the attempt: an outage that keeps it from that is no failure, of which others may hear.
"""

import contextlib
import logging
import os
import traceback as tracebacks
from collections.abc import Callable, Iterator
from typing import Any

from celery import signals, states
from celery._state import _task_stack  # type: ignore[attr-defined]  # the stubs lack it
from celery.app.task import Context, get_actual_ignore_result  # type: ignore[attr-defined]  # the stubs lag behind
from celery.exceptions import Ignore, Retry

from celery_sqs.tasks.decision import RetryDecision, decide
from celery_sqs.tasks.outcomes.links import send_links

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def current(task: Any) -> Iterator[None]:
    """Have a task be the one that runs, and the parent of what is called while `end` reports on a call."""
    _task_stack.push(task)
    try:
        yield
    finally:
        _task_stack.pop()


def begin(task: Any, request: Context) -> None:
    """Report that a call is about to run, where anybody asks for that."""
    if not (task.track_started or signals.task_prerun.receivers):
        return
    task.request_stack.push(request)
    try:
        signals.task_prerun.send(sender=task, task_id=request.id, task=task, args=request.args, kwargs=request.kwargs)
        if task.track_started and not get_actual_ignore_result(task, request):
            where = {"pid": os.getpid(), "hostname": request.hostname}
            _report(task, task.backend.store_result, request.id, where, states.STARTED, request=request)
    finally:
        task.request_stack.pop()


def end(task: Any, request: Context, outcome: Any, runtime: float) -> RetryDecision | None:
    """Report how a call has ended; returns the decision on it if it has failed.

    Args:
        task: the task.
        request: of the call.
        outcome: the exception that the call failed with; or its result.
        runtime: seconds since its batch began.
    """
    task.request_stack.push(request)
    try:
        return _end(task, request, outcome, runtime)
    finally:
        task.request_stack.pop()


def _end(task: Any, request: Context, outcome: Any, runtime: float) -> RetryDecision | None:
    decision, state = None, str(states.SUCCESS)
    if not isinstance(outcome, BaseException):
        try:
            _succeed(task, request, outcome, runtime)
        except Exception as error:
            outcome = error
    if isinstance(outcome, Ignore):
        state = states.IGNORED
    elif isinstance(outcome, BaseException):
        decision = _fail(task, request, outcome)
        state = states.FAILURE if decision.final else states.RETRY
    of_call = {"task_id": request.id, "args": request.args, "kwargs": request.kwargs}
    if state in states.READY_STATES:
        _report(task, task.after_return, state, outcome, *of_call.values(), None)
    signals.task_postrun.send(sender=task, task=task, retval=outcome, state=state, **of_call)
    return decision


def _succeed(task: Any, request: Context, result: Any, runtime: float) -> None:
    if request.callbacks or request.chain:
        send_links(task.app, request, result)
    is_ignored = get_actual_ignore_result(task, request)
    if request.chord or not is_ignored:
        task.backend.mark_as_done(request.id, result, request, not is_ignored)
    _report(task, task.on_success, result, request.id, request.args, request.kwargs)
    signals.task_success.send(sender=task, result=result, runtime=runtime)


def _fail(task: Any, request: Context, error: BaseException) -> RetryDecision:
    einfo = _Traceback(error)
    cause = error.exc if isinstance(error, Retry) and isinstance(error.exc, BaseException) else error
    decision = _decide(task, request, error)
    hook = task.on_failure if decision.final else task.on_retry
    try:
        hook(cause, request.id, request.args, request.kwargs, einfo)
    except Exception as outage:
        decision = _decide(task, request, outage)
    if decision.kind.is_failed_attempt:
        if decision.final:
            _report_failure(task, request, cause, einfo)
        else:
            _report_retry(task, request, error, cause, einfo)
    return decision.with_error(error, einfo)


def _decide(task: Any, request: Any, error: BaseException) -> RetryDecision:
    return decide(task, error, request.message_id, task.attempt, task.max_receive_count)


def _report_failure(task: Any, request: Context, error: BaseException, einfo: "_Traceback") -> None:
    _report(
        task,
        task.backend.mark_as_failure,
        request.id,
        error,
        einfo.traceback,
        request=request,
        store_result=_stores_errors(task, request),
    )
    signals.task_failure.send(
        sender=task,
        task_id=request.id,
        exception=error,
        args=request.args,
        kwargs=request.kwargs,
        traceback=error.__traceback__,
        einfo=einfo,
    )


def _report_retry(
    task: Any, request: Context, raised: BaseException, error: BaseException, einfo: "_Traceback"
) -> None:
    if _stores_errors(task, request):
        _report(task, task.backend.mark_as_retry, request.id, error, einfo.traceback, request=request)
    reason = raised if isinstance(raised, Retry) else Retry(exc=error)  # type: ignore[arg-type]  # not only Exception
    signals.task_retry.send(sender=task, request=request, reason=reason, einfo=einfo)


def _stores_errors(task: Any, request: Context) -> bool:
    return bool(task.store_errors_even_if_ignored or not get_actual_ignore_result(task, request))


def _report(task: Any, report: Callable[..., Any], *what: Any, **named: Any) -> None:
    """Report what stays the outcome of the call even where that fails."""
    try:
        report(*what, **named)
    except Exception:
        logger.exception("%s failed for %s[%s]", report.__name__, task.name, task.request.id)


class _Traceback:
    """As much of Celery's ExceptionInfo as hooks and signals read."""

    def __init__(self, error: BaseException) -> None:
        self.exception = error
        self.traceback = "".join(tracebacks.format_exception(error))
