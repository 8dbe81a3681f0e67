"""The tables of the dead-letter queue: a snapshot of what is in it, and each repair. All of them may be emptied."""

from sqlalchemy import (
    CHAR,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from celery_sqs.database.columns import LARGE_TEXT, MARIADB, MAX_NAME, NAMING, UtcDateTime

#: What a host adds to its own migrations.
metadata = MetaData(naming_convention=NAMING)

dead_messages = Table(
    "dead_messages",
    metadata,
    Column("message_id", String(MAX_NAME), primary_key=True),
    Column("body", LARGE_TEXT, nullable=False),
    Column("attributes", LARGE_TEXT, nullable=False, comment="JSON: the message attributes as SQS gave them"),
    Column("task", String(MAX_NAME), nullable=False),
    Column("task_id", String(MAX_NAME), nullable=False),
    Column("subject", String(MAX_NAME), comment="what its call is about, as its task's subject() returns it"),
    Column("fingerprint", CHAR(16), nullable=False, comment="the same for the same reason"),
    Column("kind", String(20), nullable=False),
    Column("error_class", String(MAX_NAME), nullable=False),
    Column("error", Text, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),
    Column("died_at", UtcDateTime, comment="its last failed attempt; null where none is on record"),
    Column("seen_at", UtcDateTime, nullable=False, comment="the last scan that found it"),
    Column("missed_at", UtcDateTime, comment="the first scan since then that did not find it"),
    Column("gone_at", UtcDateTime, comment="null while it is in the queue"),
    Column("queue", String(MAX_NAME), nullable=False, comment="the work queue, by its name in sqs_queues"),
    Index(None, "gone_at", "queue", "fingerprint", "message_id"),
    Index(None, "subject"),
    Index(None, "task_id"),
    **MARIADB,
)

scans = Table(
    "scans",
    metadata,
    Column("queue", String(MAX_NAME), primary_key=True),
    Column("holder", String(MAX_NAME), comment="the process that scans the queue"),
    Column("held_until", UtcDateTime, comment="when another one may"),
    Column("began_at", UtcDateTime, comment="of the last full scan, as what follows"),
    Column("ended_at", UtcDateTime),
    Column("found", Integer),
    Column("new", Integer),
    Column("gone", Integer),
    **MARIADB,
)

repairs = Table(
    "repairs",
    metadata,
    Column("id", CHAR(36), primary_key=True),
    Column("action", String(20), nullable=False, comment="redrive, edit or discard"),
    Column("operator", String(MAX_NAME), nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", String(20), nullable=False, comment="running, done or stopped"),
    Column("note", Text, nullable=False, comment="why it was stopped"),
    Column("canaries", Integer, nullable=False, comment="how many go first"),
    Column("began_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("runner", String(MAX_NAME), comment="the process that runs it"),
    Column("runner_until", UtcDateTime, comment="when another one may take over"),
    Column("queue", String(MAX_NAME), nullable=False, comment="the work queue, by its name in sqs_queues"),
    Index(None, "began_at"),
    **MARIADB,
)

repair_items = Table(
    "repair_items",
    metadata,
    Column("repair_id", CHAR(36), primary_key=True),
    Column("message_id", String(MAX_NAME), primary_key=True),
    Column("state", String(20), nullable=False),
    Column("subject", String(MAX_NAME)),
    Column("task", String(MAX_NAME), nullable=False),
    Column("task_id", String(MAX_NAME), nullable=False),
    Column("body", LARGE_TEXT, nullable=False, comment="as it was in the DLQ"),
    Column("new_body", LARGE_TEXT, comment="as it was sent, where that differs"),
    Column("new_message_id", String(MAX_NAME)),
    Column("sent_at", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("error", Text, nullable=False),
    Index(None, "subject"),
    Index(None, "task_id"),
    Index(None, "message_id"),
    Index(None, "repair_id", "state"),
    **MARIADB,
)
