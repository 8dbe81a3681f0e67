"""What became of the messages that were sent again. A send is no success; the order's row is."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, Select, and_, select

from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.tables import repair_items
from celery_sqs.monitor import SUCCESS, task_state
from orders.store import OrderStore
from orders.tables import attempts, orders
from tasks.orders import PERSIST_ORDER
from tasks.repair.bookkeeping import Books
from tasks.repair.ledger import CONFIRMED, FAILED, SENT
from tasks.repair.message import order_in

#: Messages whose bodies are read at once.
CHUNK: Final = 500


class Results:
    """Judges what a repair has sent.

    Args:
        engine: from `orders.database.connect`.
        repair_id: the repair.
        books: its account.
    """

    def __init__(self, engine: Engine, repair_id: str, books: Books) -> None:
        self._engine = engine
        self._store = OrderStore(engine)
        self._books = books
        self._are_sent = and_(repair_items.c.repair_id == repair_id, repair_items.c.state == SENT)

    def judge(self) -> None:
        """Mark as confirmed or failed what can be told by now; the rest stays sent.

        An order is confirmed by its row with the same content, another task by its success on record. Either
        has failed when there is a failed attempt at the new message after which SQS gives it to nobody.
        """
        self._confirm_orders()
        self._books.mark([row.message_id for row in self._rows(self._succeeded_tasks())], CONFIRMED)
        failed = self._rows(self._failed())
        self._books.mark_ended(FAILED, {row.message_id: f"{row.error_class}: {row.message}" for row in failed})

    def _confirm_orders(self) -> None:
        last = ""
        while rows := self._rows(self._stored_orders(last)):
            last = rows[-1].message_id
            stored = self._store.get_many([UUID(row.order_id) for row in rows])
            content = {order_id: found.order.content for order_id, found in stored.items()}
            confirmed = []
            for row in rows:
                sent = order_in(row.body if row.new_body is None else row.new_body)
                if sent and content.get(sent.order_id) == sent.content:
                    confirmed.append(row.message_id)
            self._books.mark(confirmed, CONFIRMED)

    def _stored_orders(self, behind: str) -> Select[Any]:
        items = repair_items.c
        query = select(items.message_id, items.order_id, items.body, items.new_body)
        query = query.join(orders, orders.c.order_id == items.order_id)
        query = query.where(self._are_sent, items.task == PERSIST_ORDER, items.message_id > behind)
        return query.order_by(items.message_id).limit(CHUNK)

    def _succeeded_tasks(self) -> Select[Any]:
        items, tasks = repair_items.c, task_state.c
        # A message that brings no task id of its own goes by SQS's, and so has another one now.
        same = and_(tasks.task_id.in_([items.task_id, items.new_message_id]), tasks.message_id == items.new_message_id)
        query = select(items.message_id).join(task_state, same)
        return query.where(self._are_sent, items.task != PERSIST_ORDER, tasks.state == SUCCESS)

    def _failed(self) -> Select[Any]:
        items = repair_items.c
        query = select(items.message_id, attempts.c.error_class, attempts.c.message)
        query = query.join(attempts, attempts.c.message_id == items.new_message_id)
        return query.where(self._are_sent, attempts.c.final.is_(True))

    def _rows(self, query: Select[Any]) -> Any:
        return transaction(self._engine, lambda connection: connection.execute(query).all())
