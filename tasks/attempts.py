"""The failed attempts of the tasks on orders, in the table `attempts`."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from celery_sqs import Attempt, OnRecord
from orders.attempt import AttemptCount, FailedAttempt
from orders.store import OrderStore


class OrderAttempts:
    """What `celery_sqs.AttemptStore` asks for, and `celery_sqs.dlq.AttemptReader`.

    Args:
        store: has the table.
        subject: gives the order's id of a task's arguments, where they name one.
    """

    def __init__(self, store: OrderStore, subject: Callable[..., str | None]) -> None:
        self._store = store
        self._subject = subject

    def record(self, attempt: Attempt) -> None:
        """Keep an attempt."""
        order_id = self._subject(*attempt.args)
        self._store.record_attempt(
            FailedAttempt(
                order_id=UUID(order_id) if order_id else None,
                task=attempt.task,
                task_id=attempt.task_id,
                message_id=attempt.message_id,
                kind=attempt.kind.value,
                error_class=type(attempt.error).__name__,
                message=str(attempt.error),
                traceback=attempt.traceback,
                receive_count=attempt.receive_count,
                worker=attempt.worker,
                final=attempt.final,
                failed_at=attempt.failed_at,
                next_visible_at=attempt.next_visible_at,
            )
        )

    def withdraw(self, message_id: str, receive_count: int) -> None:
        """Forget an attempt that has begun and has not failed."""
        self._store.withdraw_attempt(message_id, receive_count)

    def returned(self, max_attempts: Mapping[str, int]) -> Mapping[str, OnRecord]:
        """What is on record of messages that have come back."""
        found = self._store.returned(max_attempts)
        return {
            message_id: OnRecord(receives=frozenset(failed_at), last_at=max(failed_at.values()), lost=lost)
            for message_id, (failed_at, lost) in found.items()
        }

    def last_attempts(self, message_ids: Sequence[str]) -> Mapping[str, FailedAttempt]:
        """The last failed attempt at each of these messages."""
        return self._store.last_attempts(message_ids)

    def count_attempts(self, message_ids: Sequence[str]) -> Mapping[str, AttemptCount]:
        """How many attempts at each of these messages are on record."""
        return self._store.count_attempts(message_ids)
