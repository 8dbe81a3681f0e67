"""The lock on scanning: one process at a time scans a DLQ.

A scan hides messages from all other processes, so each of two at once would find a part of them.
"""

import os
import socket
import uuid
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final

from sqlalchemy import Engine, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.queue import VISIBILITY
from celery_sqs.dlq.tables import scans

#: How long the lock of a process that was killed lasts: a bit longer than its messages are hidden.
LOCKED_FOR: Final = timedelta(seconds=VISIBILITY + 5)


def process_name() -> str:
    """A name for what this process does now: host, process id and a random part."""
    return f"{socket.gethostname()[:100]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


class ScanLock:
    """The lock on scanning a queue, as a context manager; it gives whether the lock is ours until the end of the block.

    Args:
        engine: to the database with the tables.
        queue_url: the queue.
        lasts: how long it stays locked if nobody releases it.
    """

    def __init__(self, engine: Engine, queue_url: str, lasts: timedelta = LOCKED_FOR) -> None:
        self._engine = engine
        self._queue_url = queue_url
        self._lasts = lasts
        self._holder = process_name()
        self._is_ours = False

    def __enter__(self) -> bool:
        self._is_ours = self.acquire()
        return self._is_ours

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_ours:
            released = update(scans).where(scans.c.holder == self._holder).values(holder=None, held_until=None)
            transaction(self._engine, lambda connection: connection.execute(released))

    def acquire(self) -> bool:
        """Take the lock for as long as it lasts; returns whether it is ours."""
        now = datetime.now(UTC)
        ours = {"holder": self._holder, "held_until": now + self._lasts}
        free = or_(scans.c.holder.is_(None), scans.c.held_until < now)
        acquired = update(scans).where(scans.c.queue == self._queue_url, free).values(ours)
        if transaction(self._engine, lambda connection: connection.execute(acquired).rowcount):
            return True
        known = select(scans.c.queue).where(scans.c.queue == self._queue_url)
        if transaction(self._engine, lambda connection: connection.execute(known).first()):
            return False
        first = insert(scans).values(queue=self._queue_url, **ours)
        try:
            transaction(self._engine, lambda connection: connection.execute(first))
        except IntegrityError:  # another process was first
            return False
        return True
