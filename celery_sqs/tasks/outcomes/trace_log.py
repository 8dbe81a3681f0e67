"""A filter of Celery's log lines: of a failed run, which `SQSTask.note` logs, and of each call of a batch."""

import logging
from typing import Any, Final

from celery import current_task
from celery.app import trace

from celery_sqs.tasks.batch import BatchTask
from celery_sqs.tasks.task import SQSTask

_REPEATED: Final = frozenset({trace.LOG_FAILURE, trace.LOG_REJECTED, trace.LOG_RETRY})

#: Where Celery's tracer reports on a call of a batch, it logs its own runtime, and not the batch's.
_OF_A_RUN: Final = frozenset({trace.LOG_IGNORED, trace.LOG_SUCCESS})


def drop_repeated() -> None:
    """Drop these lines, of tasks of this class alone. It may be called again."""
    logging.getLogger(trace.__name__).addFilter(_is_wanted)


def _is_wanted(record: logging.LogRecord) -> bool:
    # An internal error is none of the task: Celery logs it in the same words, as critical.
    if record.levelno >= logging.CRITICAL:
        return True
    task: Any = current_task
    is_repeated = record.msg in _REPEATED and isinstance(task, SQSTask) and not task.request.is_eager
    return not (is_repeated or (record.msg in _OF_A_RUN and isinstance(task, BatchTask)))
