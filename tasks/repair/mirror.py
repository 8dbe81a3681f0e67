"""Writing the mirror of the DLQ: messages become letters, with the reason that is on record for each."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from celery_sqs.database.columns import MAX_NAME, MAX_TEXT, storable
from celery_sqs.dlq.queue import VISIBILITY, Message
from celery_sqs.dlq.tables import dead_letters
from celery_sqs.tasks.decision import Kind
from orders.tables import attempts
from tasks.repair.fingerprint import fingerprint
from tasks.repair.message import as_json, read, sent_at

#: A letter is taken to be gone when looks this far apart have both seen all of the queue and not it.
#: Until then it may be that somebody else was looking, who hides what he sees for some `VISIBILITY` seconds.
GONE_AFTER: Final = timedelta(seconds=2 * VISIBILITY)

#: What is said where no attempt is on record.
NO_ATTEMPT: Final = "no failed attempt is on record: its workers died"


def mirror(connection: Connection, messages: Sequence[Message]) -> int:
    """Keep messages that a look has found; returns how many of them are new."""
    if not messages:
        return 0
    columns, now = dead_letters.c, datetime.now(UTC)
    found = columns.message_id.in_([message["MessageId"] for message in messages])
    query = select(columns.message_id, columns.died_at).where(found)
    died_at = {row.message_id: row.died_at for row in connection.execute(query)}
    connection.execute(update(dead_letters).where(found).values(seen_at=now, missed_at=None, gone_at=None))
    open_ids = [message["MessageId"] for message in messages if died_at.get(message["MessageId"]) is None]
    reasons = _reasons(connection, open_ids)
    # Of what was known without a reason, an attempt may have been put on record meanwhile.
    written = [message_id for message_id in open_ids if message_id not in died_at or message_id in reasons]
    if written:
        connection.execute(delete(dead_letters).where(columns.message_id.in_(written)))
        rows = [
            _row(message, reasons.get(message["MessageId"]), now)
            for message in messages
            if message["MessageId"] in set(written)
        ]
        connection.execute(insert(dead_letters), rows)
    return len(messages) - len(died_at)


def miss(connection: Connection, began_at: datetime) -> int:
    """Note what a look that began then and saw all has not found; returns how many letters are gone by that."""
    columns = dead_letters.c
    in_queue = columns.gone_at.is_(None)
    missed = and_(in_queue, columns.missed_at.is_(None), columns.seen_at < began_at)
    connection.execute(update(dead_letters).where(missed).values(missed_at=began_at))
    gone = and_(in_queue, columns.missed_at <= began_at - GONE_AFTER)
    return connection.execute(update(dead_letters).where(gone).values(gone_at=began_at)).rowcount


def remove(connection: Connection, message_ids: Sequence[str]) -> None:
    """Note that messages have been deleted from the DLQ."""
    deleted = dead_letters.c.message_id.in_(message_ids)
    connection.execute(update(dead_letters).where(deleted).values(gone_at=datetime.now(UTC)))


def _reasons(connection: Connection, message_ids: Sequence[str]) -> dict[str, Row[Any]]:
    """The last failed attempt of each message, where one is on record."""
    columns = attempts.c
    last = (
        select(columns.message_id, func.max(columns.receive_count).label("receive_count"))
        .where(columns.message_id.in_(message_ids))
        .group_by(columns.message_id)
        .subquery()
    )
    query = select(attempts).join(
        last, and_(columns.message_id == last.c.message_id, columns.receive_count == last.c.receive_count)
    )
    return {row.message_id: row for row in connection.execute(query)}


def _row(message: Message, reason: Row[Any] | None, now: datetime) -> dict[str, Any]:
    message_id, attributes = message["MessageId"], message.get("MessageAttributes", {})
    call = read(message_id, message["Body"], attributes)
    task = call.task or (reason.task if reason else "")
    kind, error_class, error, traceback = (
        (reason.kind, reason.error_class, reason.message, reason.traceback)
        if reason
        else (Kind.LOST.value, "", NO_ATTEMPT, "")
    )
    return {
        "message_id": message_id,
        "body": storable(message["Body"]),
        "attributes": as_json(attributes),
        "task": storable(task[:MAX_NAME]),
        "task_id": storable(call.task_id[:MAX_NAME]),
        "order_id": call.order_id and str(call.order_id),
        "fingerprint": fingerprint(task, kind, error_class, error, traceback),
        "kind": kind,
        "error_class": error_class,
        "error": error[:MAX_TEXT],
        "sent_at": sent_at(message),
        "died_at": reason.failed_at if reason else None,
        "seen_at": now,
        "missed_at": None,
        "gone_at": None,
    }
