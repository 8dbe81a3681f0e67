"""One call among those of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from celery import uuid
from celery.utils.nodenames import gethostname

from celery_sqs.message import wire


@dataclass(frozen=True, slots=True)
class Call:
    """One call among those of a batch.

    Attributes:
        id: the task id.
        message_id: SQS's own id of its message when that was sent first.
        args: its positional arguments.
        kwargs: its keyword arguments.
        receive_count: how often SQS has handed out its message, this time included.
        worker: the worker's name.
        max_receive_count: attempts that the queue allows; None where it has no redrive policy.
        retries: failed attempts so far.
        headers: what else its message carries: its headers, and what is to follow it, where there is such.
    """

    id: str
    message_id: str
    args: Sequence[Any]
    kwargs: dict[str, Any]
    receive_count: int
    worker: str
    max_receive_count: int | None = None
    retries: int = 0
    headers: dict[str, Any] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        """How it travels to the pool: what dataclasses have for it asks for the fields of each object anew."""
        first = self.id, self.message_id, self.args, self.kwargs, self.receive_count, self.worker
        return type(self), (*first, self.max_receive_count, self.retries, self.headers)

    @classmethod
    def without_message(cls, request: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> "Call":
        """The call of a task that runs at once, where it is called.

        Args:
            request: Celery's; without an id where there is none.
            args: the positional arguments.
            kwargs: the keyword arguments.
        """
        task_id = request.id or uuid()
        return cls(
            id=task_id,
            message_id=task_id,
            args=args,
            kwargs=kwargs,
            receive_count=request.retries + 1,
            worker=request.hostname or gethostname(),
            retries=request.retries,
            headers=request.headers or {},
        )

    def context(self) -> dict[str, Any]:
        """What Celery's request of the call has for attributes."""
        return {
            "retries": self.retries,
            **self.headers,
            "id": self.id,
            "message_id": self.message_id,
            "args": self.args,
            "kwargs": self.kwargs,
            "hostname": self.worker,
            "called_directly": False,
            wire.RECEIVE_COUNT: self.receive_count,
            wire.MAX_RECEIVE_COUNT: self.max_receive_count,
        }
