"""What is on record of an order or task: its row, attempts, task events, dead messages and repairs."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from celery_sqs import exact_json
from celery_sqs.dlq import DeadMessage, RepairItem, RepairProgress, decode_message
from celery_sqs.monitor import TaskRow
from orders.attempt import FailedAttempt, state_without_row
from orders.fields import parse_order_id
from orders.order import Order
from orders.outcome import StoredOrder
from orders.schema import InvalidOrder, from_arguments, to_message
from tasks.orders import PERSIST_ORDER

#: What may be around a message, whatever its queue is configured for: it is shown, and not run.
_ENVELOPES = ("sns", "eventbridge")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHistory:
    """What is on record of an order, or of a task that is about none; all lists oldest first.

    Attributes:
        stored: the order's row.
        attempts: the failed attempts.
        current_attempts: of these, those at messages that were not sent again.
        tasks: what the workers report.
        messages: the dead messages, those that are gone included.
        repairs: what operators did.
        missing_since: when the order was found to be missing; None if it was not.
    """

    stored: StoredOrder | None
    attempts: list[FailedAttempt]
    current_attempts: list[FailedAttempt]
    tasks: list[TaskRow]
    messages: list[DeadMessage]
    repairs: list[tuple[RepairProgress, RepairItem]]
    missing_since: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.stored or self.attempts or self.tasks or self.messages or self.repairs or self.missing_since)

    @property
    def order_id(self) -> UUID | None:
        """The order that any of it names."""
        if self.stored:
            return self.stored.order.order_id
        named = [str(attempt.order_id) for attempt in self.attempts if attempt.order_id]
        named += [task.subject for task in self.tasks if task.subject]
        named += [message.subject for message in self.messages if message.subject]
        named += [item.subject for _, item in self.repairs if item.subject]
        return parse_order_id(named[0]) if named else None

    @property
    def task_ids(self) -> list[str]:
        """The tasks that it is about."""
        named = [task.task_id for task in self.tasks] + [attempt.task_id for attempt in self.attempts]
        named += [message.task_id for message in self.messages] + ([self.stored.task_id] if self.stored else [])
        return list(dict.fromkeys(named))

    @property
    def state(self) -> str:
        """Of an order its state; of another task Celery's, or `dead`."""
        if self.stored:
            return "persisted"
        if any(message.gone_at is None for message in self.messages):
            return "dead"
        if self.order_id is None and self.tasks:
            return self.tasks[-1].state
        return state_without_row(self.current_attempts, self.missing_since)

    @property
    def payload(self) -> str | None:
        """The message as text, as it was last seen."""
        if self.stored:
            return exact_json.dumps(to_message(self.stored.order))
        bodies = [message.body for message in self.messages] + [item.new_body or item.body for _, item in self.repairs]
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
        """The traceback of the last failed attempt that has one."""
        return next((attempt.traceback for attempt in reversed(self.attempts) if attempt.traceback), None)


def order_in(body: str) -> Order | None:
    """The order that a message's body spells, in an envelope or not; None if it is none."""
    call = decode_message("-", body, {}, PERSIST_ORDER, lambda task: task == PERSIST_ORDER, _ENVELOPES).call
    try:
        return from_arguments(call.args, call.kwargs) if call else None
    except InvalidOrder:
        return None
