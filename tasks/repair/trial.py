"""The dry run: would today's code accept a dead message? Nothing is written."""

import dataclasses
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from orders.order import Order
from orders.schema import InvalidOrder, from_message, to_message
from orders.store import OrderStore, StoredOrder
from tasks.orders import PERSIST_ORDER
from tasks.repair.letters import Letter
from tasks.repair.message import Call, read
from celery_sqs.message import exact_json

#: Orders that are looked up by one statement.
CHUNK: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What would become of a letter that is sent again.

    Attributes:
        message_id: the letter's.
        accepted: whether it would succeed, as far as that can be told without running it.
        why: in a few words.
    """

    message_id: str
    accepted: bool
    why: str


def try_out(letters: Sequence[Letter], store: OrderStore, known_tasks: Container[str]) -> list[Trial]:
    """Try letters, in their order: decode, validate, and compare with what is stored.

    Args:
        letters: from `tasks.repair.letters`.
        store: asked for orders with the same ids.
        known_tasks: names of the tasks that workers have.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    trials: list[Trial] = []
    for start in range(0, len(letters), CHUNK):
        trials += _try_chunk(letters[start : start + CHUNK], store, known_tasks)
    return trials


def try_edit(letter: Letter, new_body: str, store: OrderStore, known_tasks: Container[str]) -> Trial:
    """Try a letter with another body, which has to be about the same order.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    if new_body == letter.body:
        return Trial(message_id=letter.message_id, accepted=False, why="nothing is changed")
    [trial] = try_out([dataclasses.replace(letter, body=new_body)], store, known_tasks)
    now_about = read(letter.message_id, new_body, letter.attributes).order_id
    if trial.accepted and letter.order_id not in {None, str(now_about)}:
        why = f"the message is about order {letter.order_id}, and has to stay so"
        return dataclasses.replace(trial, accepted=False, why=why)
    return trial


def _try_chunk(letters: Sequence[Letter], store: OrderStore, known_tasks: Container[str]) -> list[Trial]:
    outcomes = [_order_or_verdict(letter, known_tasks) for letter in letters]
    stored = store.get_many([outcome.order_id for outcome in outcomes if isinstance(outcome, Order)])
    verdicts = [_compare(outcome, stored) if isinstance(outcome, Order) else outcome for outcome in outcomes]
    return [
        Trial(message_id=letter.message_id, accepted=accepted, why=why)
        for letter, (accepted, why) in zip(letters, verdicts, strict=True)
    ]


def _order_or_verdict(letter: Letter, known_tasks: Container[str]) -> Order | tuple[bool, str]:
    """The order that a letter brings, or, where it brings none, whether it is accepted and why."""
    call: Call = read(letter.message_id, letter.body, letter.attributes)
    if call.undecodable is not None:
        return False, f"no task call: {call.undecodable}"
    if call.task not in known_tasks:
        return False, f"there is no task {call.task!r} here"
    if call.task != PERSIST_ORDER:
        return True, "would be run; only the run itself shows whether it succeeds"
    try:
        return from_message(call.argument)
    except InvalidOrder as error:
        return False, f"no valid order: {_in_words(error.errors)}"


def _compare(order: Order, stored: dict[UUID, StoredOrder]) -> tuple[bool, str]:
    there = stored.get(order.order_id)
    if there is None:
        return True, "would be stored"
    if there.order.content == order.content:
        return True, "is stored already, equal"
    return False, f"another order is stored under its id: {_json(there.order)}; this one: {_json(order)}"


def _in_words(errors: Any) -> str:
    """What is wrong with each field, in one line."""
    if not isinstance(errors, dict):
        return str(errors)
    told = (f"{field}: {' '.join(map(str, texts))}" for field, texts in errors.items())
    return "; ".join(text.removeprefix("_schema: ") for text in told)


def _json(order: Order) -> str:
    return exact_json.dumps(to_message(order))
