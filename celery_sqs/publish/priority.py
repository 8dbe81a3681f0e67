"""The warning about a call with a priority, which SQS does not have."""

import logging

from celery_sqs.per_process import per_process

logger = logging.getLogger(__name__)


@per_process
def warn(task: str | None) -> None:
    """Log it, once for each task."""
    logger.warning("%s is called with a priority, which its message carries, but SQS has no priorities", task)
