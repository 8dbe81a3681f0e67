"""Writing the snapshot of the DLQ: the messages that scans find, each with the reason that is on record for it."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, delete, insert, select, update

from celery_sqs import system
from celery_sqs.database.columns import MAX_NAME, MAX_TEXT, storable
from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.attempts import AttemptReader, FailedAttempt, Reasons
from celery_sqs.dlq.decode import DecodedMessage, as_json, sent_at
from celery_sqs.dlq.fingerprint import fingerprint
from celery_sqs.dlq.hooks import TaskHooks
from celery_sqs.dlq.queue import VISIBILITY, Message
from celery_sqs.dlq.tables import dead_messages
from celery_sqs.tasks.decision import Kind

#: A message is taken to be gone when two full scans this far apart have not found it. Until then another process
#: may have been scanning, which hides what it finds for some `VISIBILITY` seconds.
GONE_AFTER: Final = timedelta(seconds=2 * VISIBILITY)

#: The error of a message that a worker would run, without a failed attempt on record.
NO_ATTEMPT: Final = "no failed attempt is on record: its workers died"

#: What the error of a message says besides that was rescued and is dead again.
RESCUED_BEFORE: Final = "it was sent again by itself once, as it was dead with attempts left"


class Snapshot:
    """Writes the table `dead_messages`.

    Args:
        engine: to the database with the tables of `celery_sqs.dlq` and `celery_sqs.monitor`.
        queue: Celery's name of the work queue.
        attempts: the failed attempts on record.
        hooks: of the tasks that the messages call.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(self, engine: Engine, queue: str, attempts: AttemptReader, hooks: TaskHooks) -> None:
        self._engine = engine
        self._queue = queue
        self._hooks = hooks
        self._reasons = Reasons(engine, attempts, hooks)

    def add(self, messages: Sequence[Message], rescued: Collection[str] = ()) -> int:
        """Keep messages that a scan has found, copies of the same one once; returns how many of them are new.

        Args:
            messages: up to 500.
            rescued: the ids of those that were rescued before.
        """
        if not messages:
            return 0
        by_id = {message["MessageId"]: message for message in messages}
        message_ids = list(by_id)
        known = self._known(message_ids)
        # Of a message that is known without a reason, an attempt may have been recorded meanwhile. One that has been
        # away has died anew.
        here = {each: row for each, row in known.items() if not (row.missed_at or row.gone_at)}
        without_reason = [each for each in message_ids if each not in here or not here[each].died_at]
        reasons = self._reasons.of({each: self._decoded(by_id[each]) for each in without_reason})
        written = [each for each in without_reason if each not in here or each in reasons]
        now = system.now(UTC)
        rows = [self._row(by_id[each], reasons.get(each), each in rescued, now) for each in written]

        def write(connection: Connection) -> None:
            found = dead_messages.c.message_id.in_(message_ids)
            seen = {"queue": self._queue, "seen_at": now, "missed_at": None, "gone_at": None}
            connection.execute(update(dead_messages).where(found).values(seen))
            if rows:
                connection.execute(delete(dead_messages).where(dead_messages.c.message_id.in_(written)))
                connection.execute(insert(dead_messages), rows)

        transaction(self._engine, write)
        return len(by_id) - len(known)

    def miss(self, began_at: datetime) -> int:
        """Note what a full scan has not found, by when it began; returns how many messages are gone by that."""
        columns = dead_messages.c
        in_queue = and_(columns.gone_at.is_(None), columns.queue == self._queue)
        missed = and_(in_queue, columns.missed_at.is_(None), columns.seen_at < began_at)
        gone = and_(in_queue, columns.missed_at <= began_at - GONE_AFTER)

        def write(connection: Connection) -> int:
            connection.execute(update(dead_messages).where(missed).values(missed_at=began_at))
            return connection.execute(update(dead_messages).where(gone).values(gone_at=began_at)).rowcount

        return transaction(self._engine, write)

    def remove(self, message_ids: Sequence[str]) -> None:
        """Note that messages have been deleted from the DLQ."""
        deleted = update(dead_messages).where(dead_messages.c.message_id.in_(message_ids))
        transaction(self._engine, lambda connection: connection.execute(deleted.values(gone_at=system.now(UTC))))

    def _known(self, message_ids: Sequence[str]) -> dict[str, Any]:
        """Of these messages those that are in the table: when each has failed, was missed and was gone."""
        columns = dead_messages.c
        query = select(columns.message_id, columns.died_at, columns.missed_at, columns.gone_at)
        query = query.where(columns.message_id.in_(message_ids))
        rows = transaction(self._engine, lambda connection: connection.execute(query).all())
        return {row.message_id: row for row in rows}

    def _row(self, message: Message, reason: FailedAttempt | None, is_rescued: bool, now: datetime) -> dict[str, Any]:
        message_id, attributes = message["MessageId"], message.get("MessageAttributes", {})
        decoded = self._decoded(message)
        task = decoded.task or (reason.task if reason else "")
        kind, error_class, error, traceback = (
            (reason.kind, reason.error_class, reason.message, reason.traceback)
            if reason
            else self._without_reason(decoded)
        )
        if kind == Kind.BEGUN:  # no worker has a dead message, so this attempt's is gone
            kind = Kind.LOST.value
        return {
            "message_id": message_id,
            "queue": self._queue,
            "body": storable(message["Body"]),
            "attributes": as_json(attributes),
            "task": storable(task[:MAX_NAME]),
            "task_id": storable(decoded.task_id[:MAX_NAME]),
            "subject": self._hooks.subject(decoded),
            "fingerprint": fingerprint(task, kind, error_class, error, traceback),
            "kind": kind,
            "error_class": error_class,
            "error": (f"{error[: MAX_TEXT // 2]}; {RESCUED_BEFORE}" if is_rescued else error)[:MAX_TEXT],
            "sent_at": sent_at(message),
            "died_at": reason.failed_at if reason else None,
            "seen_at": now,
            "missed_at": None,
            "gone_at": None,
        }

    def _decoded(self, message: Message) -> DecodedMessage:
        return self._hooks.decode(message["MessageId"], message["Body"], message.get("MessageAttributes", {}))

    def _without_reason(self, message: DecodedMessage) -> tuple[str, str, str, str]:
        """Kind, class of the error, error and traceback of a message without a failed attempt on record."""
        why_not_run = storable(self._hooks.why_not_run(message))
        # Whatever has used up its receives, no worker would have run it.
        return (Kind.POISON.value, "", why_not_run, "") if why_not_run else (Kind.LOST.value, "", NO_ATTEMPT, "")
