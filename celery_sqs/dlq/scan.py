"""Scanning the DLQ into the snapshot: what is in there and why, and what is there no more."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, Engine, insert, select, update

from celery_sqs import system
from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.queue import DeadLetterQueue, Message, Scan
from celery_sqs.dlq.scan_lock import ScanLock
from celery_sqs.dlq.snapshot import Snapshot
from celery_sqs.dlq.tables import scans
from celery_sqs.errors import CallFailed

#: Messages that are written in one transaction.
CHUNK: Final = 100

LOCK_TIMEOUT: Final = 90.0  # seconds to wait for other processes' scans
PAUSE: Final = 0.2  # seconds between two tries to get the lock


#: What is done with messages that a scan has found.
Look = Callable[[Scan, Sequence[Message]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """What a scan of the DLQ has found.

    Attributes:
        found: messages in there.
        new: of these, how many no scan had found before.
        gone: messages that were there once and are taken to be gone from now on.
        began_at: aware, UTC.
        ended_at: aware, UTC.
        complete: whether it has come to the queue's end; a scan is limited in time.
    """

    found: int
    new: int
    gone: int
    began_at: datetime
    ended_at: datetime
    complete: bool = True


def scan(
    engine: Engine,
    queue: DeadLetterQueue,
    snapshot: Snapshot,
    lock_timeout: float = LOCK_TIMEOUT,
    look: Look | None = None,
) -> ScanResult:
    """Scan the DLQ and bring the snapshot up to date.

    While another process scans, its result is awaited, and taken if it began after this was called: unless the caller
    has to look at the messages.

    Args:
        engine: to the database with the tables.
        queue: the DLQ.
        snapshot: what is kept of it.
        lock_timeout: seconds to wait for other processes.
        look: called with the messages that are found, while they are hidden.

    Raises:
        CallFailed: SQS cannot be asked, or other processes have been scanning all the time.
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    asked_at, deadline = system.now(UTC), system.time.monotonic() + lock_timeout
    while True:
        with ScanLock(engine, queue.url) as is_ours:
            if is_ours:
                return _scan(engine, queue, snapshot, look)
        last = last_scan(engine, queue.name)
        if look is None and last is not None and last.began_at >= asked_at:
            return last
        if system.time.monotonic() > deadline:
            raise CallFailed(f"others have been scanning {queue.url} for {lock_timeout:g} s")
        system.time.sleep(PAUSE)


def last_scan(engine: Engine, name: str) -> ScanResult | None:
    """The last full scan of the DLQ of a work queue, by Celery's name of that; None if there has been none."""
    columns = [scans.c.found, scans.c.new, scans.c.gone, scans.c.began_at, scans.c.ended_at]
    query = select(*columns).where(scans.c.queue == name, scans.c.ended_at.is_not(None))
    row = transaction(engine, lambda connection: connection.execute(query).first())
    return None if row is None else ScanResult(**row._mapping)


def _scan(engine: Engine, queue: DeadLetterQueue, snapshot: Snapshot, look: Look | None) -> ScanResult:
    began_at = system.now(UTC)
    found = new = 0
    with queue.scan() as running:
        for messages in _chunks(running):
            found += len(messages)
            new += snapshot.add(messages, {each["MessageId"] for each in messages if _is_rescued(running, each)})
            if look is not None:
                look(running, messages)
    complete = running.complete
    gone = snapshot.miss(began_at) if complete else 0
    result = ScanResult(found=found, new=new, gone=gone, began_at=began_at, ended_at=system.now(UTC), complete=complete)
    if complete:
        _record(engine, queue.name, result)
    return result


def _chunks(running: Scan) -> Iterator[list[Message]]:
    waiting: list[Message] = []
    for messages in running:
        waiting += messages
        if len(waiting) >= CHUNK:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _is_rescued(running: Scan, message: Message) -> bool:
    renewal = running.renewal(message)
    return renewal is not None and renewal.is_rescued


def _record(engine: Engine, name: str, result: ScanResult) -> None:
    """Keep the result of a scan, under the lock on the DLQ."""
    values = asdict(result)
    del values["complete"]

    def write(connection: Connection) -> None:
        if not connection.execute(update(scans).where(scans.c.queue == name).values(values)).rowcount:
            connection.execute(insert(scans).values(queue=name, **values))

    transaction(engine, write)
