"""One call among those of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


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
        headers: what else its message carries.
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
