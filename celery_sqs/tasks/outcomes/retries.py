"""`Task.retry` on SQS: the same message again, later; or a new one where that cannot be, or the caller wants one."""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from celery import Task
from celery.exceptions import Reject, Retry

from celery_sqs.aws.queue import LONGEST_DELAY
from celery_sqs.tasks.decision import Resent, backoff, is_last, seconds_until
from celery_sqs.tasks.outcomes.attempt_number import attempt_of
from celery_sqs.tasks.outcomes.batch_outcome import stores_errors
from celery_sqs.tasks.outcomes.failed_run import message_id_of

if TYPE_CHECKING:
    from celery_sqs.tasks.task import SQSTask

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """What a call of `Task.retry` asks for, in Celery's words."""

    args: Any
    kwargs: Any
    exc: Exception | None
    throw: bool
    eta: datetime | None
    countdown: float | None
    max_retries: int | None
    options: Mapping[str, Any]

    @property
    def is_other_call(self) -> bool:
        """Whether it asks for another call, or for one beside a run that goes on."""
        return self.args is not None or self.kwargs is not None or bool(self.options) or not self.throw


def retry(task: "SQSTask", wanted: RetryRequest) -> Retry:
    """Have the task's current call run again; see `SQSTask.retry`."""
    request: Any = task.request
    if request.called_directly or request.is_eager:
        return _by_celery(task, replace(wanted, max_retries=_eager_limit(task, wanted.max_retries)))
    if wanted.eta is None and wanted.countdown is None:
        wanted = replace(wanted, countdown=_own_delay(task))
    when: Any = wanted.countdown if wanted.eta is None else wanted.eta
    if wanted.max_retries is not None:
        setattr(task, "override_max_retries", wanted.max_retries)  # noqa: B010  # for `autoretry_for`, as Celery has it
    if not _may_retry(task, wanted):
        raise wanted.exc or task.MaxRetriesExceededError(f"{task.name} asked for an attempt after its last one")
    is_too_far = seconds_until(when) > LONGEST_DELAY
    if not (wanted.is_other_call or is_too_far or is_last(attempt_of(request), task.max_receive_count)):
        raise Retry(exc=wanted.exc, when=when)
    _store_state(task, wanted.exc)
    try:
        _by_celery(task, replace(wanted, throw=False))
    except Reject as refused:
        raise refused.reason from None  # type: ignore[attr-defined]  # the stubs lack it
    sent = Resent(exc=wanted.exc, when=when)
    if wanted.throw:
        raise sent
    return sent


def _store_state(task: "SQSTask", why: Exception | None) -> None:
    """Store RETRY before the new message is sent: it has the same id, and its run may end before this one does.

    Celery stores it when the run has ended, see `celery_sqs.tasks.outcomes.tracer`.
    """
    request: Any = task.request
    if not stores_errors(task, request):
        return
    where = "".join(traceback.format_exception(why)) if why else None
    try:
        task.backend.mark_as_retry(request.id, why, where, request=request)  # type: ignore[arg-type]  # none is fine
    # An error of the result backend changes nothing about the message.
    except Exception:
        logger.exception("the state RETRY of %s[%s] is not stored", task.name, request.id)


def _by_celery(task: "SQSTask", wanted: RetryRequest) -> Retry:
    own = ("args", "kwargs", "exc", "throw", "eta", "countdown", "max_retries")
    sent: Retry = Task.retry(task, **{name: getattr(wanted, name) for name in own}, **wanted.options)
    return sent


def _may_retry(task: "SQSTask", wanted: RetryRequest) -> bool:
    """Whether another attempt is allowed: by the author's limit, or by the queue where he sets none."""
    limit = task.max_retries if wanted.max_retries is None else wanted.max_retries
    if limit is not None:
        return bool(task.request.retries < limit)
    # A call that goes on in new messages ends where one message would.
    attempt = task.request.retries + 1 if wanted.is_other_call else attempt_of(task.request)
    return task.is_set("max_retries") or not is_last(attempt, task.max_receive_count)


def _own_delay(task: "SQSTask") -> int:
    """Seconds until the next attempt where the caller does not say: the author's, or the task's back-off."""
    if task.is_set("default_retry_delay"):
        return int(task.default_retry_delay)
    return backoff(message_id_of(task.request), attempt_of(task.request), task.backoff_base, task.backoff_cap)


def _eager_limit(task: "SQSTask", wanted: int | None) -> int | None:
    """The limit of a task that runs without a queue: Celery's default, unless there is another."""
    return Task.max_retries if wanted is None and not task.is_set("max_retries") else wanted
