"""The number of the current attempt, as an attribute of the task; an author may replace it by one of the same name."""

from typing import Any

from celery_sqs.message import wire


class AttemptNumber:
    """`SQSTask.attempt`: a property that may be assigned and deleted."""

    def __get__(self, task: Any, owner: Any = None) -> Any:
        """The number, from 1; of a class this object."""
        return self if task is None else attempt_of(task.request)


def attempt_of(request: Any) -> int:
    """The number of an attempt at its message, from 1. Without an attempt store each receive is one."""
    return int(getattr(request, wire.ATTEMPTS, request.retries) or 0) + 1
