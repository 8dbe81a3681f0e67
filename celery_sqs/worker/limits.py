"""The numbers that a worker goes by, beside those that its queues have."""

from dataclasses import dataclass
from typing import Any

from celery_sqs import kombu_options
from celery_sqs.tasks.decision import BACKOFF_BASE, BACKOFF_CAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers that the workers go by.

    Attributes:
        soft_time_limit: seconds until a task is asked to end (`task_soft_time_limit`); None: never.
        time_limit: seconds until its process is killed (`task_time_limit`); None: never.
        backoff_base: seconds before the second attempt, at the most; doubles from there (`SQSTask.backoff_base`).
        backoff_cap: seconds before any attempt, at the most (`SQSTask.backoff_cap`).
        visibility_timeout: seconds that kombu's option of this name wants each queue to have; None: any.
        receive_wait: seconds that kombu's option `wait_time_seconds` wants each queue to have; None: any.
    """

    soft_time_limit: float | None = None
    time_limit: float | None = None
    backoff_base: float = BACKOFF_BASE
    backoff_cap: float = BACKOFF_CAP
    visibility_timeout: float | None = None
    receive_wait: float | None = None

    @classmethod
    def of(cls, conf: Any) -> "Limits":
        """The numbers in Celery's settings, and the task classes' own back-off."""
        visibility_timeout, receive_wait = kombu_options.expected(conf.broker_transport_options)
        return cls(
            soft_time_limit=conf.task_soft_time_limit,
            time_limit=conf.task_time_limit,
            visibility_timeout=visibility_timeout,
            receive_wait=receive_wait,
        )
