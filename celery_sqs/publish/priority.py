"""SQS has no priorities: a call that has one is a line in the log."""

import logging

from celery_sqs.per_process import per_process

logger = logging.getLogger(__name__)


@per_process
def warn(task: str | None) -> None:
    """Say it once of each task."""
    logger.warning("%s is called with a priority, which its message carries, but SQS has no priorities", task)
