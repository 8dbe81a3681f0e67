"""Finding out what became of an order or task: composes the tables of orders, of task events and of the DLQ."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from app.history.order_history import OrderHistory
from app.history.timeline import TimeLine, timeline_of
from celery_sqs.dlq import DeadMessages, RepairLog
from celery_sqs.monitor import EventReader
from config.queues import ORDER_DLQ
from orders.attempt import FailedAttempt, State, state_without_row
from orders.fields import parse_order_id
from orders.store import OrderStore

DLQ_RETENTION: Final = timedelta(seconds=ORDER_DLQ.retention)


class History:
    """Reads what is on record.

    Args:
        store: orders and failed attempts.
        events: what the workers report.
        messages: the dead messages.
        repairs: what operators did about them.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(self, store: OrderStore, events: EventReader, messages: DeadMessages, repairs: RepairLog) -> None:
        self._store = store
        self._events = events
        self._messages = messages
        self._repairs = repairs

    def timeline(self, named: str) -> TimeLine | None:
        """The time line of an order or a task.

        Args:
            named: an order's id, or a task's, which leads to its order if it is about one.

        Returns:
            None if nothing is on record.
        """
        order_id = parse_order_id(named)
        found = self._of_order(order_id) if order_id else None
        if not found:  # the ids of Celery's tasks look like order ids
            found = self._of_task(named)
            found = self._of_order(found.order_id) if found.order_id else found
        return timeline_of(found) if found else None

    def state_without_row(self, order_id: UUID) -> tuple[State, int]:
        """The state of an accepted order that is not stored, and how many attempts at it have failed.

        Attempts at messages that were sent again do not count. Nor do those at messages that were in the DLQ and have
        left it by nobody's repair, as SQS's console moves them.
        """
        failed, missing_since = self._store.missing.attempts_of(order_id)
        current = self._current(failed)
        return state_without_row(current, missing_since), len(current)

    def _of_order(self, order_id: UUID) -> OrderHistory:
        attempts, missing_since = self._store.missing.attempts_of(order_id)
        return OrderHistory(
            stored=self._store.get(order_id),
            attempts=attempts,
            current_attempts=self._current(attempts),
            tasks=self._events.tasks_of(str(order_id)),
            messages=self._messages.of_subject(str(order_id)),
            repairs=self._repairs.of_subject(str(order_id)),
            missing_since=missing_since,
        )

    def _of_task(self, task_id: str) -> OrderHistory:
        attempts, task = self._store.attempts_of_task(task_id), self._events.task(task_id)
        return OrderHistory(
            stored=None,
            attempts=attempts,
            current_attempts=attempts,
            tasks=[task] if task else [],
            messages=self._messages.of_task(task_id),
            repairs=self._repairs.of_task(task_id),
        )

    def _current(self, attempts: list[FailedAttempt]) -> list[FailedAttempt]:
        if not attempts:
            return []
        sent_again = self._repairs.sent_again({attempt.message_id for attempt in attempts})
        current = [attempt for attempt in attempts if attempt.message_id not in sent_again]
        died = {attempt.message_id for attempt in current if attempt.final}
        taken = self._messages.taken(died, DLQ_RETENTION) if died else {}
        return [each for each in current if each.message_id not in taken or each.failed_at > taken[each.message_id]]
