"""The lease on a repair: one process runs it, and another one takes over when that has died."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine, Update, or_, update
from sqlalchemy.exc import SQLAlchemyError

from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.tables import repairs
from tasks.repair.turn import process_name

#: How long a process that runs a repair may give no sign of life.
LEASE: Final = timedelta(seconds=30)

RENEWED_EVERY: Final = 3.0  # seconds


class AlreadyRunning(Exception):
    """Another process runs this repair at this moment."""


@contextmanager
def leased(engine: Engine, repair_id: str) -> Iterator[Callable[[], None]]:
    """Hold a repair until the end of the block; what it gives is to be called every few seconds.

    Raises:
        AlreadyRunning: another process is at it, or has taken over as this one was too slow.
    """
    name, renewed_at = process_name(), time.monotonic()
    mine = update(repairs).where(repairs.c.id == repair_id, repairs.c.runner == name)
    until = repairs.c.runner_until

    def keep() -> None:
        nonlocal renewed_at
        if time.monotonic() - renewed_at < RENEWED_EVERY:
            return
        if not _done(engine, mine.values(runner_until=datetime.now(UTC) + LEASE)):
            raise AlreadyRunning(f"another process has taken over repair {repair_id}")
        renewed_at = time.monotonic()

    now = datetime.now(UTC)
    free = update(repairs).where(repairs.c.id == repair_id, or_(repairs.c.runner.is_(None), until < now))
    if not _done(engine, free.values(runner=name, runner_until=now + LEASE)):
        raise AlreadyRunning(f"another process runs repair {repair_id}")
    try:
        yield keep
    finally:
        # Where the database is away, the lease ends by itself.
        with suppress(SQLAlchemyError):
            _done(engine, mine.values(runner=None, runner_until=None))


def _done(engine: Engine, statement: Update) -> bool:
    """Run a statement; says whether it has changed anything."""
    return bool(transaction(engine, lambda connection: connection.execute(statement).rowcount))
