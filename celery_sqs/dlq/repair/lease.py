"""The lease on a repair: one process runs it, and another one takes over when that has died."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, timedelta
from typing import Final

from sqlalchemy import Engine, Update, or_, update
from sqlalchemy.exc import SQLAlchemyError

from celery_sqs import system
from celery_sqs.database.table_lock import process_name
from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.tables import repairs

#: How long a lease lasts that is not renewed, because its process was killed.
LEASE: Final = timedelta(seconds=30)

RENEWED_EVERY: Final = 3.0  # seconds


class AlreadyRunning(Exception):
    """Another process runs this repair at this moment."""


@contextmanager
def leased(engine: Engine, repair_id: str) -> Iterator[Callable[[], None]]:
    """Lease a repair until the end of the block; it gives what renews the lease, to be called every few seconds.

    Raises:
        AlreadyRunning: another process runs it, or has taken over because this one was too slow.
    """
    name, renewed_at = process_name(), system.time.monotonic()
    ours = update(repairs).where(repairs.c.id == repair_id, repairs.c.runner == name)
    until = repairs.c.runner_until

    def renew() -> None:
        nonlocal renewed_at
        if system.time.monotonic() - renewed_at < RENEWED_EVERY:
            return
        if not _changes(engine, ours.values(runner_until=system.now(UTC) + LEASE)):
            raise AlreadyRunning(f"another process has taken over repair {repair_id}")
        renewed_at = system.time.monotonic()

    now = system.now(UTC)
    free = update(repairs).where(repairs.c.id == repair_id, or_(repairs.c.runner.is_(None), until < now))
    if not _changes(engine, free.values(runner=name, runner_until=now + LEASE)):
        raise AlreadyRunning(f"another process runs repair {repair_id}")
    try:
        yield renew
    finally:
        # Where the database is away, the lease ends by itself.
        with suppress(SQLAlchemyError):
            _changes(engine, ours.values(runner=None, runner_until=None))


def _changes(engine: Engine, statement: Update) -> bool:
    """Run a statement; says whether it has changed a row."""
    return bool(transaction(engine, lambda connection: connection.execute(statement).rowcount))
