"""`persist_order`: the task that writes an order, and what is kept when it fails."""

import functools
from typing import Any, Final
from uuid import UUID

import structlog
from celery import shared_task

from orders.attempt import FailedAttempt
from orders.database import connect
from orders.fields import parse_order_id
from orders.schema import InvalidOrder, from_message
from orders.store import Arrival, OrderStore, Outcome, Result
from tasks.sqs.task import Attempt, SQSTask

PERSIST_ORDER: Final = "persist_order"

logger = structlog.stdlib.get_logger(__name__)


class ConflictingOrder(ValueError):
    """Another order is stored under the same id. No later attempt can change that."""

    @classmethod
    def of(cls, outcome: Outcome) -> "ConflictingOrder":
        """The error for an outcome, showing both orders."""
        return cls(f"stored: {outcome.stored.order}; received: {outcome.arrival.order}")


class OrderTask(SQSTask):
    """Base of the tasks whose argument is an order message."""

    abstract = True

    permanent = (InvalidOrder, ConflictingOrder)

    @property
    def store(self) -> OrderStore:
        """The process's store."""
        return _store(self.app.conf.database_url)

    def log_context(self, *args: Any) -> dict[str, Any]:
        """The order's id, where the message has one, and the id of the request that sent it."""
        order_id = _order_id(args)
        request_id = getattr(self.request, "request_id", None)
        context = {"order_id": order_id and str(order_id), "request_id": request_id}
        return {key: value for key, value in context.items() if value is not None}

    def record_attempt(self, attempt: Attempt) -> None:
        """Keep it in the table `attempts`, from which an order's state follows."""
        self.store.record_attempt(
            FailedAttempt(
                order_id=_order_id(attempt.args),
                task=attempt.task,
                task_id=attempt.task_id,
                error_class=type(attempt.error).__name__,
                message=str(attempt.error),
                traceback=attempt.traceback,
                receive_count=attempt.receive_count,
                worker=attempt.worker,
                final=attempt.final,
                failed_at=attempt.failed_at,
            )
        )


@shared_task(bind=True, base=OrderTask, name=PERSIST_ORDER)
def persist_order(self: OrderTask, message: Any) -> None:
    """Write the order that a message spells, exactly once.

    Raises:
        InvalidOrder: the message is no order.
        ConflictingOrder: another order is stored under its id.
    """
    arrival = Arrival(
        order=from_message(message),
        task_id=self.request.id or "",
        attempts=self.receive_count,
        worker=self.request.hostname or "",
    )
    [outcome] = self.store.persist([arrival])
    if outcome.result is Result.CONFLICT:
        raise ConflictingOrder.of(outcome)
    logger.info("order persisted", result=outcome.result.value, receive_count=arrival.attempts)


def _order_id(args: tuple[Any, ...]) -> UUID | None:
    """The id that a message names, if it names one: the message may be anything."""
    message = args[0] if args else None
    named = message.get("orderId") if isinstance(message, dict) else None
    return parse_order_id(named) if isinstance(named, str) else None


@functools.lru_cache(maxsize=1)
def _store(database_url: str) -> OrderStore:
    return OrderStore(connect(database_url))
