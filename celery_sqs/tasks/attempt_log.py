"""The log line of a failed attempt: ERROR only if it is the last, as Sentry makes an event of each such line."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from celery.exceptions import Retry

from celery_sqs.tasks.attempt import Attempt
from celery_sqs.tasks.decision import MAX_LONG, describe

logger = logging.getLogger(__name__)

#: Before the name of a field that would replace one which each line of Python's logging has.
PREFIX: Final = "context_"

#: What a line gets only when it is formatted. Logging refuses these names, too.
_OF_A_FORMATTER: Final = frozenset({"asctime", "message"})


def loggable(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields under names that logging takes: it raises a KeyError for those that each line has, such as `name`."""
    taken = _OF_A_FORMATTER | vars(logging.makeLogRecord({})).keys()
    return {f"{PREFIX}{name}" if name in taken else name: value for name, value in fields.items()}


def log(task: Any, attempt: Attempt, fields: Mapping[str, Any]) -> None:
    """Log a failed attempt.

    Args:
        task: its task. An error that it `throws` is logged without a traceback, as in Celery.
        attempt: the attempt.
        fields: what else the line carries.
    """
    is_asked = isinstance(attempt.error, Retry)  # by the task, which names no error
    is_expected = is_asked or isinstance(attempt.error, task.throws)
    described = str(attempt.error)[:MAX_LONG] if is_asked else describe(attempt.error)
    exc_info = None if is_expected else attempt.exc_info
    # A traceback ends with the whole text of its error.
    if exc_info is not None and len(described) >= MAX_LONG:
        described, exc_info = f"{described}\n{attempt.traceback[:MAX_LONG]}", None
    logger.log(
        _level(attempt, is_expected),
        "%s: receive %d of %s[%s]: %s",
        "another attempt asked for" if is_asked else "attempt failed",
        attempt.receive_count,
        task.name,
        attempt.task_id,
        described,
        extra=fields,
        exc_info=exc_info,
    )


def _level(attempt: Attempt, is_expected: bool) -> int:
    if is_expected:
        return logging.INFO
    return logging.ERROR if attempt.final else logging.WARNING
