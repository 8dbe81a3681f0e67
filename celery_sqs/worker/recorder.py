"""Records of failed attempts from a worker's main process, which must not wait for a database."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery_sqs.per_process import per_process
from celery_sqs.tasks.task import Attempt, SQSTask

logger = logging.getLogger(__name__)


def record_soon(record: Callable[..., None], *what: Any) -> None:
    """Call something on the process's recording thread, after all that was asked for before.

    What is waiting when the process ends is still done.
    """
    _thread().submit(_logged, record, *what)


def record(task: SQSTask, attempt: Attempt, settle: Callable[[], None], hold: Callable[[], None]) -> None:
    """Record an attempt, and only then let its message go: it must not be dead without a reason.

    Args:
        task: records it.
        attempt: the attempt.
        settle: called when it is on record, or cannot ever be.
        hold: called instead in an outage.
    """
    try:
        task.note(attempt)
    except Exception as error:
        if task.is_outage(error):
            hold()
            return
        logger.exception("a failed attempt could not be recorded")
    settle()


def _logged(call: Callable[..., None], *what: Any) -> None:
    try:
        call(*what)
    # Nobody asks the executor for its results.
    except Exception:
        logger.exception("a record failed")


@per_process
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqs-recorder")
