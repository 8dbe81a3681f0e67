"""`persist_order`: the task that writes an order, and what is kept when it fails."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import structlog
from celery import shared_task
from sqlalchemy import Engine

from celery_sqs import AttemptStore, BatchTask, Call, DryRun, exact_json
from celery_sqs.tracing import process_span, trace_id
from orders.database import connect
from orders.faults import is_outage
from orders.fields import is_order_id
from orders.outcome import Arrival, Outcome, Result
from orders.schema import SCHEMA_VERSION, InvalidOrder, from_arguments
from orders.store import OrderStore
from tasks import conflicts, redrive
from tasks.attempts import OrderAttempts

PERSIST_ORDER: Final = "persist_order"

#: The message attribute with the version of the message's schema; a message without it is of version 1.
SCHEMA: Final = "schema_version"
VERSIONED: Final = {SCHEMA: {"DataType": "Number", "StringValue": str(SCHEMA_VERSION)}}

logger = structlog.stdlib.get_logger(__name__)

_conflict_limit: Final = conflicts.ConflictLimit()


class ConflictingOrder(ValueError):
    """Another order is stored under the same id. No later attempt can change that."""

    @classmethod
    def of(cls, outcome: Outcome) -> "ConflictingOrder":
        """The error for an outcome, showing both orders."""
        stored = outcome.stored and outcome.stored.order
        return cls(f"stored: {stored}; received: {outcome.arrival.order}")


class LockedOrder(Exception):
    """Another transaction holds the order's id locked. The order waits for its end, and no others do."""


class OrderTask(BatchTask):
    """Base of the tasks whose argument is an order message."""

    abstract = True
    ignore_result = True  # a call's result is its row
    serializer = exact_json.SERIALIZER  # prices keep their digits
    message_attributes = VERSIONED

    permanent = (InvalidOrder, ConflictingOrder)
    blocked = (LockedOrder,)
    is_outage = staticmethod(is_outage)

    def is_back(self) -> bool:
        """Whether orders can be written."""
        return self.store.writable()

    @property
    def store(self) -> OrderStore:
        """The process's store."""
        return _store(self.app.conf.database_url)

    def message_group_id(self, *args: Any, **kwargs: Any) -> str | None:
        """The user: the orders of one who sends many wait for those of others no longer than the other way round."""
        message = args[0] if args else None
        user_id = message.get("userId") if isinstance(message, dict) else None
        return str(user_id) if isinstance(user_id, int) else None

    def subject(self, *args: Any, **kwargs: Any) -> str | None:
        """The order's id, where the message names one: it may be anything."""
        message = args[0] if args else None
        named = message.get("orderId") if isinstance(message, dict) else None
        return named.lower() if isinstance(named, str) and is_order_id(named) else None

    def dry_run(self, calls: Sequence[Call]) -> list[DryRun]:
        """Whether these orders are valid, and go with what is stored under their ids."""
        return redrive.dry_run(self.store, calls)

    def are_done(self, calls: Sequence[Call]) -> list[bool]:
        """Whether each of these orders is stored with the same content: only its row confirms it."""
        return redrive.are_done(self.store, calls)

    def find_done(self, subjects: Mapping[str, str | None]) -> set[str]:
        """The calls whose order is stored.

        A row names the task that has stored it. Another task has done the same unless it has a failed attempt on
        record: then it may be about another order under the same id.
        """
        ids = {task_id: UUID(subject) for task_id, subject in subjects.items() if subject and is_order_id(subject)}
        stored = self.store.get_many(list(set(ids.values())))
        return {
            task_id
            for task_id, order_id in ids.items()
            if order_id in stored and (stored[order_id].task_id == task_id or not self.store.attempts_of_task(task_id))
        }

    def log_context(self, *args: Any) -> dict[str, Any]:
        """The order's id, where the message has one, and the request and the trace that it came with."""
        headers = vars(self.request)
        context = {
            "order_id": self.subject(*args),
            "request_id": headers.get("request_id"),
            "trace_id": trace_id(headers),
        }
        return {key: value for key, value in context.items() if value is not None}

    @property
    def attempt_store(self) -> AttemptStore:
        """The table `attempts`, from which an order's state follows."""
        return OrderAttempts(self.store, self.subject)


@shared_task(bind=True, base=OrderTask, name=PERSIST_ORDER)
def persist_order(self: OrderTask, calls: list[Call]) -> list[BaseException | None]:
    """Write the orders that the calls' messages spell, each exactly once.

    Returns:
        For each call None, or why its order cannot be written: InvalidOrder, ConflictingOrder or LockedOrder. Of
        a user with too many conflicts the next ones are recorded as attempts, and None.
    """
    errors: dict[int, BaseException] = {}
    arrivals: dict[int, Arrival] = {}
    for position, call in enumerate(calls):
        try:
            arrivals[position] = _arrival(call)
        except InvalidOrder as error:
            errors[position] = error
    with process_span(self.app.conf.traces, PERSIST_ORDER, (call.headers for call in calls)):
        outcomes = self.store.persist(list(arrivals.values()))
    for position, outcome in zip(arrivals, outcomes, strict=True):
        if outcome.result is Result.CONFLICT:
            conflict = ConflictingOrder.of(outcome)
            if _conflict_limit.exceeded_by(outcome.arrival.order.user_id, calls[position].id):
                conflicts.record(self.store, outcome, calls[position], PERSIST_ORDER, conflict)
            else:
                errors[position] = conflict
        elif outcome.result is Result.LOCKED:
            errors[position] = LockedOrder(f"another transaction holds {outcome.arrival.order.order_id}")
        else:
            _log(outcome, calls[position])
    _log_locked([str(outcome.arrival.order.order_id) for outcome in outcomes if outcome.result is Result.LOCKED])
    return [errors.get(position) for position in range(len(calls))]


def _arrival(call: Call) -> Arrival:
    return Arrival(
        order=from_arguments(call.args, call.kwargs),
        task_id=call.id,
        attempts=call.retries + 1,
        worker=call.worker,
    )


def _log(outcome: Outcome, call: Call) -> None:
    trace = trace_id(call.headers)
    logger.info(
        "order persisted",
        order_id=str(outcome.arrival.order.order_id),
        task_id=call.id,
        request_id=call.headers.get("request_id"),
        **({"trace_id": trace} if trace else {}),
        result=outcome.result.value,
        receive_count=call.receive_count,
    )


def _log_locked(order_ids: list[str]) -> None:
    if order_ids:
        logger.warning("orders wait for another transaction's locks", orders=len(order_ids), order_id=order_ids[0])


@functools.lru_cache(maxsize=1)
def engine_of(database_url: str) -> Engine:
    """The process's engine for orders: whoever reads them shares its connections."""
    return connect(database_url)


@functools.lru_cache(maxsize=1)
def _store(database_url: str) -> OrderStore:
    return OrderStore(engine_of(database_url))
