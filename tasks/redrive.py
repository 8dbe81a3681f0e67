"""What is asked of orders when their dead messages are sent again: would they be stored, and are they stored?"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from celery_sqs import Call, DryRun, exact_json
from orders.order import Order
from orders.outcome import StoredOrder
from orders.schema import InvalidOrder, from_arguments, to_message
from orders.store import OrderStore


def dry_run(store: OrderStore, calls: Sequence[Call]) -> list[DryRun]:
    """Whether the orders of these calls are valid and go with what is stored; one statement for all."""
    orders = [_order_or_error(call) for call in calls]
    stored = store.get_many([order.order_id for order in orders if isinstance(order, Order)])
    return [_compared(order, stored) if isinstance(order, Order) else _invalid(order) for order in orders]


def are_done(store: OrderStore, calls: Sequence[Call]) -> list[bool]:
    """Whether the order of each of these calls is stored with the same content; one statement for all."""
    orders = [_order_or_error(call) for call in calls]
    stored = store.get_many([order.order_id for order in orders if isinstance(order, Order)])
    return [isinstance(order, Order) and _is_stored(order, stored) for order in orders]


def _order_or_error(call: Call) -> Order | InvalidOrder:
    try:
        return from_arguments(call.args, call.kwargs)
    except InvalidOrder as error:
        return error


def _is_stored(order: Order, stored: dict[UUID, StoredOrder]) -> bool:
    found = stored.get(order.order_id)
    return found is not None and found.order.content == order.content


def _compared(order: Order, stored: dict[UUID, StoredOrder]) -> DryRun:
    if order.order_id not in stored:
        return DryRun(accepted=True, why="would be stored")
    if _is_stored(order, stored):
        return DryRun(accepted=True, why="is stored already, equal")
    there = stored[order.order_id].order
    why = f"another order is stored under its id: {_json(there)}; this one: {_json(order)}"
    return DryRun(accepted=False, why=why)


def _invalid(error: InvalidOrder) -> DryRun:
    return DryRun(accepted=False, why=f"no valid order: {_in_words(error.errors)}")


def _in_words(errors: Any) -> str:
    """What is wrong with each field, in one line."""
    if not isinstance(errors, dict):
        return str(errors)
    fields = (f"{field}: {' '.join(map(str, texts))}" for field, texts in errors.items())
    return "; ".join(text.removeprefix("_schema: ") for text in fields)


def _json(order: Order) -> str:
    return exact_json.dumps(to_message(order))
