"""The tables of task events and of remote control. All but `revocations` and `pauses` may be emptied at any time.

Without its row in `revocations` a call that is revoked is run by a worker that starts later; without its row in
`pauses` a queue is resumed.
"""

from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from celery_sqs.database.columns import LARGE_TEXT, MARIADB, MAX_KIND, MAX_NAME, NAMING, UtcDateTime

#: What a host adds to its own migrations.
metadata = MetaData(naming_convention=NAMING)

task_state = Table(
    "task_state",
    metadata,
    Column("task_id", String(MAX_NAME), primary_key=True),
    Column("version", BigInteger, nullable=False, comment="of two events the one with the higher version is the later"),
    Column("name", String(MAX_NAME), nullable=False),
    Column("state", String(20), nullable=False),
    Column("subject", String(MAX_NAME), comment="what the call is about, as its task's subject() returns it"),
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
    Column("closed_at", UtcDateTime, comment="when it was ended without an event of its own"),
    Column("kind", String(MAX_KIND), comment="whose fault its last failed attempt was"),
    Index(None, "changed_at"),
    Index(None, "state", "changed_at"),
    Index(None, "state", "sent_at", "name"),
    Index(None, "subject"),
    Index(None, "sent_at"),
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
    Column("heartbeat", Float, nullable=False, comment="seconds between two updates of this row"),
    Column("active", Integer, nullable=False),
    Column("processed", BigInteger, nullable=False),
    Column("load_average", Text, nullable=False, comment="JSON: three numbers"),
    Column("software", Text, nullable=False, comment="JSON: what Celery says of itself"),
    Column("in_flight", Integer, nullable=False, comment="messages received and not settled"),
    Column("oldest_in_flight_seconds", Float, nullable=False),
    Column("last_poll_seconds", Float, nullable=False),
    Column("outage", Boolean, nullable=False),
    Column("dropped", BigInteger, nullable=False, comment="events that found no room and are not in task_state"),
    Column("renewed_at", UtcDateTime, comment="when it last renewed a message that had been sent over an hour before"),
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

housekeeping = Table(
    "housekeeping",
    metadata,
    Column("name", String(MAX_NAME), primary_key=True),
    Column("holder", String(MAX_NAME), comment="the process that keeps these tables in order"),
    Column("held_until", UtcDateTime, comment="when another one may"),
    **MARIADB,
)

commands = Table(
    "commands",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("ticket", CHAR(36), nullable=False),
    Column("method", String(MAX_NAME), nullable=False),
    Column("arguments", LARGE_TEXT, nullable=False, comment="JSON"),
    Column("destination", Text, comment="JSON: names of workers; null for all"),
    Column("sent_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    **MARIADB,
)

revocations = Table(
    "revocations",
    metadata,
    Column("ticket", CHAR(36), primary_key=True),
    Column("method", String(MAX_NAME), nullable=False),
    Column("arguments", LARGE_TEXT, nullable=False, comment="JSON: what is revoked, by whom and when"),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "expires_at"),
    **MARIADB,
)

pauses = Table(
    "pauses",
    metadata,
    Column("id", CHAR(36), primary_key=True),
    Column("queue", String(MAX_NAME), nullable=False, comment="as Celery names it"),
    Column("paused_by", String(MAX_NAME), nullable=False),
    Column("reason", Text, nullable=False),
    Column("paused_at", UtcDateTime, nullable=False),
    Column("resumed_by", String(MAX_NAME), comment="null while the queue is paused, as what follows"),
    Column("resume_reason", Text),
    Column("resumed_at", UtcDateTime),
    Index(None, "resumed_at"),
    Index(None, "paused_at"),
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
