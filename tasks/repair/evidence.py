"""All that the tables say about an order or task, gathered."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine

from celery_sqs.message import exact_json
from celery_sqs.monitor import EventReader, TaskRow
from orders.attempt import FailedAttempt, state_without_row
from orders.fields import parse_order_id
from orders.order import Order
from orders.schema import to_message
from orders.store import OrderStore, StoredOrder
from tasks.repair.ledger import Item, Ledger, Progress
from tasks.repair.letters import Letter, Letters
from tasks.repair.message import order_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is on record of an order, or of a task that is about none; all lists oldest first.

    Attributes:
        stored: the order's row.
        attempts: the failed attempts.
        standing: of these, those at messages that nobody has sent again.
        tasks: what the workers report.
        letters: the dead messages, those that are gone included.
        repairs: what operators did.
    """

    stored: StoredOrder | None
    attempts: list[FailedAttempt]
    standing: list[FailedAttempt]
    tasks: list[TaskRow]
    letters: list[Letter]
    repairs: list[tuple[Progress, Item]]

    def __bool__(self) -> bool:
        return bool(self.stored or self.attempts or self.tasks or self.letters or self.repairs)

    @property
    def order_id(self) -> UUID | None:
        """The order that any of it names."""
        if self.stored:
            return self.stored.order.order_id
        named = [str(attempt.order_id) for attempt in self.attempts if attempt.order_id]
        named += [task.subject for task in self.tasks if task.subject]
        named += [letter.order_id for letter in self.letters if letter.order_id]
        named += [item.order_id for _, item in self.repairs if item.order_id]
        return parse_order_id(named[0]) if named else None

    @property
    def task_ids(self) -> list[str]:
        """The tasks that it is about."""
        named = [task.task_id for task in self.tasks] + [attempt.task_id for attempt in self.attempts]
        named += [letter.task_id for letter in self.letters] + ([self.stored.task_id] if self.stored else [])
        return list(dict.fromkeys(named))

    @property
    def state(self) -> str:
        """Of an order its state; of another task Celery's, or `dead`."""
        if self.stored:
            return "persisted"
        if any(letter.gone_at is None for letter in self.letters):
            return "dead"
        if self.order_id is None and self.tasks:
            return self.tasks[-1].state
        return state_without_row(self.standing)

    @property
    def payload(self) -> str | None:
        """The message as text, as it was last seen."""
        if self.stored:
            return exact_json.dumps(to_message(self.stored.order))
        bodies = [letter.body for letter in self.letters] + [item.new_body or item.body for _, item in self.repairs]
        # A single argument is the message itself.
        arguments = [task.args[1:-1] if task.args.startswith("[{") else task.args for task in self.tasks]
        return next(reversed([*arguments, *bodies]), None)

    @property
    def order(self) -> Order | None:
        """The order itself, where a row or a message spells it."""
        if self.stored:
            return self.stored.order
        return order_in(self.payload) if self.payload else None

    @property
    def traceback(self) -> str | None:
        """Where the last failed attempt that says so has failed."""
        return next((attempt.traceback for attempt in reversed(self.attempts) if attempt.traceback), None)


def gather(engine: Engine, named: str) -> Evidence | None:
    """What is on record of an order or a task, which leads to its order if it is about one; None if nothing is.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    order_id = parse_order_id(named)
    found = _of_order(engine, order_id) if order_id else None
    if not found:  # the ids of Celery's tasks look like order ids
        found = _of_task(engine, named)
        found = _of_order(engine, found.order_id) if found.order_id else found
    return found or None


def _of_order(engine: Engine, order_id: UUID) -> Evidence:
    store = OrderStore(engine)
    return Evidence(
        stored=store.get(order_id),
        attempts=store.attempts_of(order_id),
        standing=store.standing_attempts(order_id),
        tasks=EventReader(engine).tasks_of(str(order_id)),
        letters=Letters(engine).of_order(str(order_id)),
        repairs=Ledger(engine).of_order(str(order_id)),
    )


def _of_task(engine: Engine, task_id: str) -> Evidence:
    attempts, task = OrderStore(engine).attempts_of_task(task_id), EventReader(engine).task(task_id)
    return Evidence(
        stored=None,
        attempts=attempts,
        standing=attempts,
        tasks=[task] if task else [],
        letters=Letters(engine).of_task(task_id),
        repairs=Ledger(engine).of_task(task_id),
    )
