"""Taking turns: one process at a time looks into the DLQ.

Each look hides what is in there from all others, so two at once would both see half of it.
"""

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.queue import VISIBILITY
from celery_sqs.dlq.tables import looks

#: How long a turn is. A process that is killed hides its messages for nearly as long.
TURN: Final = timedelta(seconds=VISIBILITY + 5)


def process_name() -> str:
    """A name for whatever this process does now: host, process id and something that nobody else has."""
    return f"{socket.gethostname()[:100]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@contextmanager
def turn(engine: Engine, queue_url: str) -> Iterator[bool]:
    """Whether it is our turn to look into a queue; if so, it is until the end of the block.

    Args:
        engine: from `orders.database.connect`.
        queue_url: the queue.
    """
    name = process_name()
    ours = _take(engine, queue_url, name)
    try:
        yield ours
    finally:
        if ours:
            given_back = update(looks).where(looks.c.holder == name).values(holder=None, held_until=None)
            transaction(engine, lambda connection: connection.execute(given_back))


def _take(engine: Engine, queue_url: str, name: str) -> bool:
    now = datetime.now(UTC)
    free = or_(looks.c.holder.is_(None), looks.c.held_until < now)
    taken = update(looks).where(looks.c.queue == queue_url, free).values(holder=name, held_until=now + TURN)
    if transaction(engine, lambda connection: connection.execute(taken).rowcount):
        return True
    known = select(looks.c.queue).where(looks.c.queue == queue_url)
    if transaction(engine, lambda connection: connection.execute(known).first()):
        return False
    first = insert(looks).values(queue=queue_url, holder=name, held_until=now + TURN)
    try:
        transaction(engine, lambda connection: connection.execute(first))
    except IntegrityError:  # another process was first
        return False
    return True
