"""A look into the DLQ, kept in the tables: what is in there and why, and what is there no more."""

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine, select, update

from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.queue import DeadLetterQueue, Message
from celery_sqs.dlq.tables import looks
from celery_sqs.errors import CallFailed
from tasks.repair.mirror import mirror, miss
from tasks.repair.turn import turn

#: Messages that are written in one transaction.
CHUNK: Final = 100

PATIENCE: Final = 90.0  # seconds to wait for other processes' looks
PAUSE: Final = 0.2  # seconds between two tries to get a turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What a look into the DLQ has found.

    Attributes:
        found: messages in there.
        new: of these, how many no look had seen before.
        gone: letters that were there once and are taken to be gone from now on.
        began_at: aware, UTC.
        ended_at: aware, UTC.
        complete: whether it has come to the queue's end; a look is limited in time.
    """

    found: int
    new: int
    gone: int
    began_at: datetime
    ended_at: datetime
    complete: bool = True


def take_census(engine: Engine, queue: DeadLetterQueue, patience: float = PATIENCE) -> Census:
    """Look into the DLQ and bring the mirror up to date.

    While another process looks, its result is awaited, and taken if it began after this was called.

    Args:
        engine: from `orders.database.connect`.
        queue: the DLQ.
        patience: seconds to wait for other processes.

    Raises:
        CallFailed: SQS cannot be asked, or others have been looking all the time.
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    asked_at, deadline = datetime.now(UTC), time.monotonic() + patience
    while True:
        with turn(engine, queue.url) as ours:
            if ours:
                return _look(engine, queue)
        last = last_census(engine, queue.url)
        if last is not None and last.began_at >= asked_at:
            return last
        if time.monotonic() > deadline:
            raise CallFailed(f"others have been looking into {queue.url} for {patience:g} s")
        time.sleep(PAUSE)


def last_census(engine: Engine, queue_url: str) -> Census | None:
    """The last look that saw all of a DLQ; None if there has been none."""
    columns = [looks.c.found, looks.c.new, looks.c.gone, looks.c.began_at, looks.c.ended_at]
    query = select(*columns).where(looks.c.queue == queue_url, looks.c.ended_at.is_not(None))
    row = transaction(engine, lambda connection: connection.execute(query).first())
    return None if row is None else Census(**row._mapping)


def _look(engine: Engine, queue: DeadLetterQueue) -> Census:
    began_at = datetime.now(UTC)
    found = new = gone = 0
    with queue.look() as look:
        waiting: list[Message] = []
        for messages in look:
            found += len(messages)
            waiting += messages
            if len(waiting) >= CHUNK:
                new += _mirror(engine, waiting)
                waiting = []
        new += _mirror(engine, waiting)
    if look.complete:
        gone = transaction(engine, lambda connection: miss(connection, began_at))
    census = Census(
        found=found, new=new, gone=gone, began_at=began_at, ended_at=datetime.now(UTC), complete=look.complete
    )
    if census.complete:
        _remember(engine, queue.url, census)
    return census


def _mirror(engine: Engine, messages: list[Message]) -> int:
    return transaction(engine, lambda connection: mirror(connection, messages))


def _remember(engine: Engine, queue_url: str, census: Census) -> None:
    told = asdict(census)
    del told["complete"]
    remembered = update(looks).where(looks.c.queue == queue_url).values(told)
    transaction(engine, lambda connection: connection.execute(remembered))
