"""The outcome of messages that were sent again: a message is done when the effect of its task is there."""

import json
from typing import Any, Final

from sqlalchemy import Column, Engine, Row, Select, and_, select

from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.attempts import AttemptReader, Reasons
from celery_sqs.dlq.decode import DecodedMessage
from celery_sqs.dlq.hooks import TaskHooks
from celery_sqs.dlq.repair.journal import Journal
from celery_sqs.dlq.repair.states import CONFIRMED, FAILED, SENT
from celery_sqs.dlq.tables import dead_messages, repair_items
from celery_sqs.monitor.tables import task_state
from celery_sqs.monitor.task_events import SUCCESS

#: Messages that are checked at once.
CHUNK: Final = 500


class Outcomes:
    """Checks what a repair has sent.

    Args:
        engine: to the database with the tables.
        repair_id: the repair.
        journal: its journal.
        attempts: the failed attempts on record.
        hooks: of the tasks that the messages call.
        keeps_identity: whether what was sent has the id of the dead message, and not one of its own.
    """

    def __init__(
        self,
        engine: Engine,
        repair_id: str,
        journal: Journal,
        attempts: AttemptReader,
        hooks: TaskHooks,
        keeps_identity: bool = False,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._reasons = Reasons(engine, attempts, hooks)
        self._hooks = hooks
        #: What attempts and events name the message that was sent by.
        self._id: Column[str] = repair_items.c["message_id" if keeps_identity else "new_message_id"]
        self._are_sent = and_(repair_items.c.repair_id == repair_id, repair_items.c.state == SENT)
        self._last = ""  # the message id up to which items were checked

    def check(self) -> None:
        """Mark messages as confirmed or failed; those whose outcome is not known yet stay sent.

        A message is confirmed where its task says that its effect is there (`SQSTask.are_done`), or, where the task
        does not know, by the task's success on record. It has failed where a failed attempt at the new message is on
        record after which SQS delivers it no more; of a task that keeps no attempts, where its event says so.

        It goes on while it finds outcomes. So a check costs no more than a few statements when there is nothing new,
        however many messages were sent; the next check goes on after the messages of this one.
        """
        has_outcomes = True
        while has_outcomes:
            items = self._rows(self._sent_items())
            self._last = items[-1].message_id if len(items) == CHUNK else ""
            has_outcomes = bool(items) and self._mark(items) and bool(self._last)

    def _mark(self, items: list[Row[Any]]) -> bool:
        """Mark those of these items whose outcome is known; returns whether there are any."""
        messages = {item.message_id: self._decoded(item) for item in items}
        done = dict(zip(messages, self._hooks.are_done(list(messages.values())), strict=True))
        confirmed = {each for each, is_done in done.items() if is_done}
        confirmed |= self._succeeded([each for each, is_done in done.items() if is_done is None])
        self._journal.mark(confirmed, CONFIRMED)
        open_items = {item.sent_as: item.message_id for item in items if item.message_id not in confirmed}
        reasons = self._reasons.of({sent_as: messages[each] for sent_as, each in open_items.items()})
        failed = {
            open_items[sent_as]: f"{attempt.error_class}: {attempt.message}".removeprefix(": ")
            for sent_as, attempt in reasons.items()
            if attempt.final
        }
        self._journal.mark_ended(FAILED, failed)
        return bool(confirmed or failed)

    def _decoded(self, item: Row[Any]) -> DecodedMessage:
        """The message that was sent."""
        body = item.body if item.new_body is None else item.new_body
        return self._hooks.decode(item.sent_as, body, json.loads(item.attributes or "{}"))

    def _sent_items(self) -> Select[Any]:
        items, messages = repair_items.c, dead_messages.c
        query = select(items.message_id, self._id.label("sent_as"), items.body, items.new_body, messages.attributes)
        query = query.outerjoin_from(repair_items, dead_messages, messages.message_id == items.message_id)
        query = query.where(self._are_sent, items.message_id > self._last)
        return query.order_by(items.message_id).limit(CHUNK)

    def _succeeded(self, message_ids: list[str]) -> set[str]:
        """Of these messages those whose task has succeeded, as far as is on record."""
        if not message_ids:
            return set()
        items, tasks = repair_items.c, task_state.c
        # A message that brings no task id of its own goes by SQS's, and so has another one now.
        same = and_(tasks.task_id.in_([items.task_id, self._id]), tasks.message_id == self._id)
        query = select(items.message_id).join(task_state, same)
        query = query.where(self._are_sent, items.message_id.in_(message_ids), tasks.state == SUCCESS)
        return {row.message_id for row in self._rows(query)}

    def _rows(self, query: Select[Any]) -> list[Row[Any]]:
        return transaction(self._engine, lambda connection: list(connection.execute(query).all()))
