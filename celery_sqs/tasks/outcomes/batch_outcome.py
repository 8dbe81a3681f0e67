"""The outcome of one call of a batch, reported as Celery reports that of a single task.

The order is that of `celery.app.trace.build_tracer`, which runs one call of one task and cannot be used for many. What
follows a call is sent before its result is stored, so that the result names it. A failed attempt is decided on and
recorded before it is reported, as a single task's is. Where somebody has patched the tracer, see `traced`.
"""

import contextlib
import contextvars
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from celery import signals, states
from celery._state import _task_stack  # type: ignore[attr-defined]  # the stubs lack it
from celery.app.task import Context, Task, get_actual_ignore_result  # type: ignore[attr-defined]  # the stubs lag behind
from celery.exceptions import Ignore

from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import RetryDecision, cause_of, log_error
from celery_sqs.tasks.outcomes.failed_run import close
from celery_sqs.tasks.outcomes.links import send_links
from celery_sqs.tasks.outcomes.lost_result import LOST, is_lost

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def current(task: Any) -> Iterator[None]:
    """Make a task Celery's current one: the parent of what is called while `end` reports on a call."""
    _task_stack.push(task)
    try:
        yield
    finally:
        _task_stack.pop()


#: What is sent of each call of a batch.
_SIGNALS: Final = (signals.task_prerun, signals.task_success, signals.task_postrun)


def is_reported(task: Any) -> bool:
    """Whether anybody asks for each run of the task, however it ends: a listener, the author, or a state STARTED.

    A failure is reported to whoever asks for that, and always decided on.
    """
    hooks = (task.on_success, Task.on_success), (task.after_return, Task.after_return)
    has_own = any(getattr(own, "__func__", None) is not celerys for own, celerys in hooks)
    return bool(task.track_started or has_own or any(signal.receivers for signal in _SIGNALS))


def is_awaited(task: Any, call: Call) -> bool:
    """Whether the success of a call has a consequence of its own: its result is stored, or something follows it."""
    is_ignored = call.headers.get("ignore_result")
    if not (task.ignore_result if is_ignored is None else is_ignored):
        return True
    return bool(call.headers.get("callbacks") or call.headers.get("chain") or call.headers.get("chord"))


def begin(task: Any, request: Context, *, is_announced: bool = True) -> contextvars.Context:
    """Report that a call is about to run, where anybody asks for that.

    Returns the context in which the outcome is to be reported. What a listener sets in it, such as OpenTelemetry's
    current span, belongs to this call alone.

    Args:
        task: the task.
        request: of the call.
        is_announced: whether the signal is sent.
    """
    context = contextvars.copy_context()
    if task.track_started or (is_announced and signals.task_prerun.receivers):
        context.run(_begin, task, request, is_announced)
    return context


def _begin(task: Any, request: Context, is_announced: bool) -> None:
    task.request_stack.push(request)
    try:
        if is_announced:
            call = {"task_id": request.id, "args": request.args, "kwargs": request.kwargs}
            signals.task_prerun.send(sender=task, task=task, **call)
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
        closed = close(task, outcome)
        outcome, decision = closed.raised, closed.decision
        state = states.FAILURE if decision.final else states.RETRY
        if decision.kind.is_failed_attempt:
            (_report_failure if decision.final else report_retry)(task, request, outcome, closed.einfo)
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
        try:
            task.backend.mark_as_done(request.id, result, request, not is_ignored)
        except Exception as error:
            if not is_lost(task, request, error):
                raise
            log_error(logger, error, LOST, task.name, request.id)
    _report(task, task.on_success, result, request.id, request.args, request.kwargs)
    signals.task_success.send(sender=task, result=result, runtime=runtime)


def _report_failure(task: Any, request: Context, error: BaseException, einfo: Any) -> None:
    is_stored = stores_errors(task, request)
    what = request.id, error, einfo.traceback
    _report(task, task.backend.mark_as_failure, *what, request=request, store_result=is_stored)
    call = {"task_id": request.id, "args": request.args, "kwargs": request.kwargs}
    _report(task, task.on_failure, error, *call.values(), einfo)
    trace = error.__traceback__
    signals.task_failure.send(sender=task, exception=error, traceback=trace, einfo=einfo, **call)


def report_retry(task: Any, request: Context, raised: BaseException, einfo: Any) -> None:
    """Report an attempt that has failed and is not the last.

    Args:
        task: the task.
        request: of the call, which is the task's current one.
        raised: a Retry with the error for its cause.
        einfo: of the error.
    """
    error = cause_of(raised)
    if stores_errors(task, request):
        _report(task, task.backend.mark_as_retry, request.id, error, einfo.traceback, request=request)
    _report(task, task.on_retry, error, request.id, request.args, request.kwargs, einfo)
    signals.task_retry.send(sender=task, request=request, reason=raised, einfo=einfo)


def stores_errors(task: Any, request: Context) -> bool:
    """Whether the result backend stores how a call has failed."""
    return bool(task.store_errors_even_if_ignored or not get_actual_ignore_result(task, request))


def _report(task: Any, report: Callable[..., Any], *what: Any, **named: Any) -> None:
    """Report the outcome of the call, which stays the same where the report fails."""
    try:
        report(*what, **named)
    except Exception as failure:
        log_error(logger, failure, "%s failed for %s[%s]", report.__name__, task.name, task.request.id)
