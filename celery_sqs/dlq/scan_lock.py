"""The lock on scanning: one process at a time scans a DLQ.

A scan hides messages from all other processes, so each of two at once would find a part of them.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import Engine

from celery_sqs.database.table_lock import TableLock
from celery_sqs.dlq.queue import VISIBILITY
from celery_sqs.dlq.tables import scans

#: How long the lock of a process that was killed lasts: a bit longer than its messages are hidden.
LOCKED_FOR: Final = timedelta(seconds=VISIBILITY + 5)


class ScanLock(TableLock):
    """The lock on scanning a queue.

    Args:
        engine: to the database with the tables.
        queue_url: the queue.
        lasts: how long it stays locked if nobody releases it.
    """

    def __init__(self, engine: Engine, queue_url: str, lasts: timedelta = LOCKED_FOR) -> None:
        super().__init__(engine, scans, queue_url, lasts)
