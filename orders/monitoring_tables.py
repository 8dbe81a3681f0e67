"""The tables that operators watch and repair by. Orders do not depend on them: all of them may be emptied."""

from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql

from orders.tables import MARIADB, MAX_NAME, UtcDateTime, metadata

__all__ = [
    "commands",
    "dead_letters",
    "looks",
    "metadata",
    "repair_items",
    "repairs",
    "replies",
    "task_minutes",
    "task_state",
    "workers",
]

#: Text as large as a message may be: 1 MiB, and more once JSON has escaped it. MariaDB's TEXT holds 64 KiB.
LARGE_TEXT = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")

task_state = Table(
    "task_state",
    metadata,
    Column("task_id", String(MAX_NAME), primary_key=True),
    Column("version", BigInteger, nullable=False, comment="of two reports the higher one is the later one"),
    Column("name", String(MAX_NAME), nullable=False),
    Column("state", String(20), nullable=False),
    Column("subject", String(MAX_NAME), comment="what the call is about: an order's id"),
    Column("message_id", String(MAX_NAME)),
    Column("worker", String(MAX_NAME)),
    Column("receive_count", Integer, nullable=False),
    Column("args", Text, nullable=False),
    Column("kwargs", Text, nullable=False),
    Column("error", Text),
    Column("traceback", Text),
    Column("sent_at", UtcDateTime),
    Column("received_at", UtcDateTime),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False),
    Index(None, "changed_at"),
    Index(None, "state", "changed_at"),
    Index(None, "subject"),
    **MARIADB,
)

workers = Table(
    "workers",
    metadata,
    Column("name", String(MAX_NAME), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("stopped_at", UtcDateTime, comment="null while it runs, and where it was killed"),
    Column("heartbeat", Float, nullable=False, comment="seconds between two signs of life"),
    Column("active", Integer, nullable=False),
    Column("processed", BigInteger, nullable=False),
    Column("load_average", Text, nullable=False, comment="JSON: three numbers"),
    Column("software", Text, nullable=False, comment="JSON: what Celery says of itself"),
    Column("held", Integer, nullable=False, comment="messages received and not settled"),
    Column("oldest_held_seconds", Float, nullable=False),
    Column("last_poll_seconds", Float, nullable=False),
    Column("outage", Boolean, nullable=False),
    Column("dropped", BigInteger, nullable=False, comment="reports that found no room and are not in task_state"),
    **MARIADB,
)

task_minutes = Table(
    "task_minutes",
    metadata,
    Column("minute", UtcDateTime, primary_key=True),
    Column("task", String(MAX_NAME), primary_key=True),
    Column("what", String(40), primary_key=True),
    Column("count", BigInteger, nullable=False),
    **MARIADB,
)

commands = Table(
    "commands",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("ticket", CHAR(36), nullable=False),
    Column("method", String(MAX_NAME), nullable=False),
    Column("arguments", Text, nullable=False, comment="JSON"),
    Column("destination", Text, comment="JSON: names of workers; null for all"),
    Column("sent_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    **MARIADB,
)

replies = Table(
    "replies",
    metadata,
    Column("ticket", CHAR(36), primary_key=True),
    Column("worker", String(MAX_NAME), primary_key=True),
    Column("reply", LARGE_TEXT, nullable=False, comment="JSON"),
    Column("replied_at", UtcDateTime, nullable=False),
    Index(None, "replied_at"),
    **MARIADB,
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("message_id", String(MAX_NAME), primary_key=True),
    Column("body", LARGE_TEXT, nullable=False),
    Column("attributes", LARGE_TEXT, nullable=False, comment="JSON: the message attributes as SQS gave them"),
    Column("task", String(MAX_NAME), nullable=False),
    Column("task_id", String(MAX_NAME), nullable=False),
    Column("order_id", CHAR(36), comment="null where the message names no order"),
    Column("fingerprint", CHAR(16), nullable=False, comment="the same for the same reason"),
    Column("kind", String(20), nullable=False),
    Column("error_class", String(MAX_NAME), nullable=False),
    Column("error", Text, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),
    Column("died_at", UtcDateTime, comment="its last failed attempt; null where none is on record"),
    Column("seen_at", UtcDateTime, nullable=False, comment="the last look into the queue that found it"),
    Column("missed_at", UtcDateTime, comment="the first look since then that did not find it"),
    Column("gone_at", UtcDateTime, comment="null while it is in the queue"),
    Index(None, "gone_at", "fingerprint", "message_id"),
    Index(None, "order_id"),
    Index(None, "task_id"),
    **MARIADB,
)

looks = Table(
    "looks",
    metadata,
    Column("queue", String(MAX_NAME), primary_key=True),
    Column("holder", String(MAX_NAME), comment="the process that looks into the queue"),
    Column("held_until", UtcDateTime, comment="when another one may"),
    Column("began_at", UtcDateTime, comment="of the last look that saw all of it, as what follows"),
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
    Column("runner", String(MAX_NAME), comment="the process that is at it"),
    Column("runner_until", UtcDateTime, comment="when another one may take over"),
    Index(None, "began_at"),
    **MARIADB,
)

repair_items = Table(
    "repair_items",
    metadata,
    Column("repair_id", CHAR(36), primary_key=True),
    Column("message_id", String(MAX_NAME), primary_key=True),
    Column("state", String(20), nullable=False),
    Column("order_id", CHAR(36)),
    Column("task", String(MAX_NAME), nullable=False),
    Column("task_id", String(MAX_NAME), nullable=False),
    Column("body", LARGE_TEXT, nullable=False, comment="as it was in the DLQ"),
    Column("new_body", LARGE_TEXT, comment="as it was sent, where that differs"),
    Column("new_message_id", String(MAX_NAME)),
    Column("sent_at", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("error", Text, nullable=False),
    Index(None, "order_id"),
    Index(None, "task_id"),
    Index(None, "message_id"),
    Index(None, "repair_id", "state"),
    **MARIADB,
)
