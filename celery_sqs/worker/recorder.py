"""Records of failed attempts from a worker's main process, which must not wait for a database."""

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

from celery_sqs import system
from celery_sqs.metrics import count_unrecorded
from celery_sqs.per_process import per_process
from celery_sqs.tasks.attempt import Attempt
from celery_sqs.tasks.decision import Kind, RetryDecision, log_error, looks_like_outage
from celery_sqs.tasks.task import SQSTask

logger = logging.getLogger(__name__)


def record_soon(record: Callable[..., None], *what: Any) -> None:
    """Call something on the process's recording thread, after all that was asked for before.

    What is waiting when the process ends is still done.
    """
    _thread().submit(_logged, record, *what)


def record(task: SQSTask, attempt: Attempt, decision: RetryDecision, settle: Callable[[RetryDecision], None]) -> None:
    """Record an attempt, and only then settle its message: it must not be dead without a reason.

    Args:
        task: records it.
        attempt: the attempt.
        decision: what becomes of the message once the attempt is on record, or cannot ever be.
        settle: called with that decision, which says then whether the attempt is on record; or with an outage where
            one keeps it from being recorded.
    """
    try:
        is_recorded = task.note(attempt)
    except Exception as error:
        if looks_like_outage(task, error):
            settle(RetryDecision(Kind.OUTAGE))
            return
        log_error(logger, error, "a failed attempt could not be recorded")
        is_recorded = False
    settle(dataclasses.replace(decision, is_recorded=is_recorded))


def _logged(call: Callable[..., None], *what: Any) -> None:
    try:
        call(*what)
    # Nobody asks the executor for its results.
    except Exception:
        logger.exception("a record failed")
        count_unrecorded()


@per_process
def _thread() -> system.futures.ThreadPoolExecutor:
    return system.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqs-recorder")
