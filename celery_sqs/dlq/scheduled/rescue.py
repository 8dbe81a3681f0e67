"""Rescue: a message that is dead with attempts left is sent again by itself, once, and that is on record.

It is there for what should not happen: whoever loses a receive for no attempt renews the message before its receives
run out. A kill in the moment of a renewal, again and again, can still use them up.

Only a message whose task keeps a record of its attempts is rescued: of all others each receive is an attempt. A FIFO
queue's are left alone, as their order is. So is what an operator's repair has that has not ended, also where its
process has: that is looked at again when a message is about to be sent.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import Final

from sqlalchemy import Engine

from celery_sqs.dlq.attempts import AttemptReader
from celery_sqs.dlq.hooks import TaskHooks
from celery_sqs.dlq.queue import DeadLetterQueue, Message, Scan
from celery_sqs.dlq.repair.lease import AlreadyRunning
from celery_sqs.dlq.repair.log import RepairProgress
from celery_sqs.dlq.repair.plan import Refused
from celery_sqs.dlq.repair.repairs import Repairs
from celery_sqs.dlq.repair.sending import was_rescued
from celery_sqs.dlq.repair.states import RESCUE
from celery_sqs.dlq.scan import scan
from celery_sqs.dlq.scan_lock import ScanLock
from celery_sqs.dlq.selection import Selection
from celery_sqs.dlq.snapshot import Snapshot

logger = logging.getLogger(__name__)

#: The operator of what nobody asks for; none of a workbench can have this name.
SYSTEM: Final = "the rescuer"

REASON: Final = "dead with attempts left: fewer are on record than the queue allows"

MOST_AT_ONCE: Final = 5000  # messages; the next pass takes the rest


class Rescue:
    """Finds what is dead with attempts left, and sends it again.

    Args:
        engine: to the database with the tables.
        queue: the DLQ.
        snapshot: what is kept of it.
        attempts: the failed attempts on record.
        hooks: of the tasks that the messages call.
        repairs: puts each rescue on record, and runs it.
    """

    def __init__(
        self,
        engine: Engine,
        queue: DeadLetterQueue,
        snapshot: Snapshot,
        attempts: AttemptReader,
        hooks: TaskHooks,
        repairs: Repairs,
    ) -> None:
        self._engine = engine
        self._queue = queue
        self._snapshot = snapshot
        self._attempts = attempts
        self._hooks = hooks
        self._repairs = repairs

    def run_if_due(self, every: timedelta) -> list[RepairProgress] | None:
        """`run`, where no process has done so for such a time; else None."""
        # Never released: when the lock ends by itself, the next run is due.
        lock = ScanLock(self._engine, f"{self._queue.name} {RESCUE}", every)
        return self.run(SYSTEM) if lock.acquire() else None

    def run(self, operator: str) -> list[RepairProgress]:
        """Scan the DLQ, which brings the snapshot up to date, and send what is dead with attempts left.

        Returns when it is known what became of that, or nothing changes any more. While the queue is paused, it only
        scans.

        Args:
            operator: who says so, for the record.

        Returns:
            The repairs that were run: a new one, and those of processes that have ended too early.

        Raises:
            CallFailed: SQS cannot be asked. What was begun is gone on with by the next run.
            sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
        """
        if self._repairs.paused():  # what is dead is safer where it is
            scan(self._engine, self._queue, self._snapshot)
            return []
        self._plan(operator)
        done = []
        # The new one, too: it has no runner yet.
        for repair_id in self._repairs.interrupted(RESCUE):
            with suppress(AlreadyRunning):
                done.append(self._repairs.run(repair_id))
        return done

    def _plan(self, operator: str) -> None:
        """Put on record what is to be sent, if anything is."""
        facts = self._queue.work_facts()
        allowed = None if facts.is_fifo else facts.max_receive_count
        found: dict[str, None] = {}

        def look(running: Scan, messages: Sequence[Message]) -> None:
            if allowed is not None:
                found.update(dict.fromkeys(self._with_attempts_left(running, messages, allowed)))

        scan(self._engine, self._queue, self._snapshot, look=look)
        some = list(islice(found, MOST_AT_ONCE))
        others = self._repairs.sent(some) | self._repairs.left_to_operators(some).keys() if some else set()
        message_ids = [message_id for message_id in some if message_id not in others]
        if not message_ids:
            return
        with suppress(Refused):  # an operator was faster
            repair_id = self._repairs.plan(RESCUE, Selection.ids(message_ids), operator, REASON)
            text = "%d messages are dead with attempts left, and sent again, such as %s: rescue %s"
            logger.warning(text, len(message_ids), message_ids[0], repair_id)

    def _with_attempts_left(self, running: Scan, messages: Sequence[Message], allowed: int) -> list[str]:
        """The ids of these messages that have attempts left."""
        again = {message["MessageId"] for message in messages if was_rescued(running.renewal(message))}
        counts = self._attempts.count_attempts([message["MessageId"] for message in messages])
        left = []
        for message in messages:
            count = counts.get(message["MessageId"])
            has_some = count is None or (count.attempts < allowed and not count.is_over)
            if has_some and message["MessageId"] not in again and self._keeps_attempts(message):
                left.append(message["MessageId"])
        return left

    def _keeps_attempts(self, message: Message) -> bool:
        attributes = message.get("MessageAttributes") or {}
        return self._hooks.keeps_attempts(self._hooks.decode(message["MessageId"], message["Body"], attributes))
