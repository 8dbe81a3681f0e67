"""Celery's own log lines of a failed run: `SQSTask.note` logs it, so these would be a second line for each attempt."""

import logging
from typing import Final

from celery import current_task
from celery.app import trace

from celery_sqs.tasks.task import SQSTask

_REPEATED: Final = frozenset({trace.LOG_FAILURE, trace.LOG_REJECTED, trace.LOG_RETRY})


def drop_repeated() -> None:
    """Drop these lines, of tasks of this class alone. It may be called again."""
    logging.getLogger(trace.__name__).addFilter(_is_wanted)


def _is_wanted(record: logging.LogRecord) -> bool:
    # An internal error is none of the task: Celery logs it in the same words, as critical.
    is_repeated = record.msg in _REPEATED and record.levelno < logging.CRITICAL
    return not (is_repeated and isinstance(current_task, SQSTask))
