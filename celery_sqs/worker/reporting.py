"""What a worker's main process reports to Celery where the pool could not: state, errbacks, signals.

On the recorder's thread, as the event loop must not wait for a result backend.
"""

import functools
import logging
from typing import Any

from billiard.einfo import ExceptionInfo
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import signals, states
from celery.app.task import Context
from celery.exceptions import Retry

from celery_sqs.consume.delivery import Delivery
from celery_sqs.errors import Undecodable
from celery_sqs.message import wire
from celery_sqs.publish.amqp import is_exact
from celery_sqs.tasks.attempt import Attempt
from celery_sqs.tasks.decision import Kind, RetryDecision, log_error
from celery_sqs.tasks.outcomes.batch_outcome import report_retry, stores_errors

logger = logging.getLogger(__name__)


def report_outcome(task: Any, request: Context, error: BaseException, einfo: Any, decision: RetryDecision) -> None:
    """Report an attempt that is on record: FAILURE if it was the last, else RETRY.

    Args:
        task: its task.
        request: its request, with the parts of its call.
        error: why it has failed.
        einfo: with a traceback.
        decision: on its message.
    """
    if not isinstance(error, Exception):  # not to be raised as such where somebody waits for the result
        error = WorkerLostError(f"Worker exited prematurely: {error!r}")
    task.request_stack.push(request)
    try:
        if decision.final:
            _failed(task, request, error, einfo)
        # A message that is rejected with `requeue` says nothing about the task.
        elif not getattr(error, "requeue", False):
            again = Retry(exc=error, when=decision.delay)  # type: ignore[arg-type]  # an int is Real
            report_retry(task, request, again, einfo)
    # An error of a hook or of the result backend changes nothing about the message.
    except Exception as failure:
        log_error(logger, failure, "the outcome of %s[%s] is not reported completely", task.name, request.id)
    finally:
        task.request_stack.pop()


def report_lost(task: Any, delivery: Delivery, default_task: str | None, error: Exception, final: bool) -> None:
    """Report an attempt whose worker has ended; it is on record.

    Args:
        task: its task.
        delivery: a later one of its message.
        default_task: the task of a message that names none.
        error: why.
        final: whether it was the last.
    """
    try:
        raise error
    except type(error):
        einfo = ExceptionInfo()
    request = _request_of(task.app, delivery, default_task)
    report_outcome(task, request, error, einfo, RetryDecision(Kind.LOST, 0, final))


def report_unrun(app: Any, delivery: Delivery, attempt: Attempt, error: BaseException) -> None:
    """Report as failed a call that nobody can run.

    Args:
        app: the worker's.
        delivery: of its message.
        attempt: the last.
        error: why.
    """
    try:
        request = _request_of(app, delivery, None)
    except Undecodable:  # or not listed: nothing is run for it
        request = Context(id=attempt.task_id, task=attempt.task)
    try:
        app.backend.mark_as_failure(attempt.task_id, error, request=request)
    except Exception as failure:
        text = "the failure of %s[%s] is not reported completely"
        log_error(logger, failure, text, attempt.task, attempt.task_id)


def _request_of(app: Any, delivery: Delivery, default_task: str | None) -> Context:
    """The request of a message."""
    payload = delivery.decoded(default_task, functools.partial(is_exact, app))
    args, kwargs, embed = payload[wire.CALL]
    return Context({**payload["headers"], **embed}, args=args, kwargs=kwargs)


def _failed(task: Any, request: Any, error: Exception, einfo: Any) -> None:
    stored = stores_errors(task, request)
    task.backend.mark_as_failure(request.id, error, einfo.traceback, request=request, store_result=stored)
    call = {"task_id": request.id, "args": request.args, "kwargs": request.kwargs}
    if isinstance(error, TimeLimitExceeded):  # as Celery's own, of this one alone
        task.on_failure(error, einfo=einfo, **call)
        task.after_return(states.FAILURE, error, einfo=None, **call)
    signals.task_failure.send(sender=task, exception=error, traceback=einfo.traceback, einfo=einfo, **call)
