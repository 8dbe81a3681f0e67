"""What operators watch and repair by: states of tasks, workers, commands to them, the DLQ and its repairs."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None

MARIADB: Final[dict[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
INSTANT: Final = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LARGE_TEXT: Final = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    create_what_is_watched()
    create_what_is_repaired()


def create_what_is_watched() -> None:
    op.create_table(
        "task_state",
        sa.Column("task_id", sa.String(255), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, comment="of two reports the higher one is the later one"),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(255), comment="what the call is about: an order's id"),
        sa.Column("message_id", sa.String(255)),
        sa.Column("worker", sa.String(255)),
        sa.Column("receive_count", sa.Integer, nullable=False),
        sa.Column("args", sa.Text, nullable=False),
        sa.Column("kwargs", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("traceback", sa.Text),
        sa.Column("sent_at", INSTANT),
        sa.Column("received_at", INSTANT),
        sa.Column("started_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("task_id", name="pk_task_state"),
        **MARIADB,
    )
    op.create_index("ix_task_state_changed_at", "task_state", ["changed_at"])
    op.create_index("ix_task_state_state_changed_at", "task_state", ["state", "changed_at"])
    op.create_index("ix_task_state_subject", "task_state", ["subject"])
    op.create_table(
        "workers",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("stopped_at", INSTANT, comment="null while it runs, and where it was killed"),
        sa.Column("heartbeat", sa.Float, nullable=False, comment="seconds between two signs of life"),
        sa.Column("active", sa.Integer, nullable=False),
        sa.Column("processed", sa.BigInteger, nullable=False),
        sa.Column("load_average", sa.Text, nullable=False, comment="JSON: three numbers"),
        sa.Column("software", sa.Text, nullable=False, comment="JSON: what Celery says of itself"),
        sa.Column("held", sa.Integer, nullable=False, comment="messages received and not settled"),
        sa.Column("oldest_held_seconds", sa.Float, nullable=False),
        sa.Column("last_poll_seconds", sa.Float, nullable=False),
        sa.Column("outage", sa.Boolean, nullable=False),
        sa.Column(
            "dropped", sa.BigInteger, nullable=False, comment="reports that found no room and are not in task_state"
        ),
        sa.PrimaryKeyConstraint("name", name="pk_workers"),
        **MARIADB,
    )
    op.create_table(
        "task_minutes",
        sa.Column("minute", INSTANT, nullable=False),
        sa.Column("task", sa.String(255), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("minute", "task", "what", name="pk_task_minutes"),
        **MARIADB,
    )
    op.create_table(
        "commands",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("ticket", sa.CHAR(36), nullable=False),
        sa.Column("method", sa.String(255), nullable=False),
        sa.Column("arguments", sa.Text, nullable=False, comment="JSON"),
        sa.Column("destination", sa.Text, comment="JSON: names of workers; null for all"),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_commands"),
        **MARIADB,
    )
    op.create_table(
        "replies",
        sa.Column("ticket", sa.CHAR(36), nullable=False),
        sa.Column("worker", sa.String(255), nullable=False),
        sa.Column("reply", LARGE_TEXT, nullable=False, comment="JSON"),
        sa.Column("replied_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("ticket", "worker", name="pk_replies"),
        **MARIADB,
    )
    op.create_index("ix_replies_replied_at", "replies", ["replied_at"])


def create_what_is_repaired() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("message_id", sa.String(255), nullable=False),
        sa.Column("body", LARGE_TEXT, nullable=False),
        sa.Column("attributes", LARGE_TEXT, nullable=False, comment="JSON: the message attributes as SQS gave them"),
        sa.Column("task", sa.String(255), nullable=False),
        sa.Column("task_id", sa.String(255), nullable=False),
        sa.Column("order_id", sa.CHAR(36), comment="null where the message names no order"),
        sa.Column("fingerprint", sa.CHAR(16), nullable=False, comment="the same for the same reason"),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("error_class", sa.String(255), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.Column("died_at", INSTANT, comment="its last failed attempt; null where none is on record"),
        sa.Column("seen_at", INSTANT, nullable=False, comment="the last look into the queue that found it"),
        sa.Column("missed_at", INSTANT, comment="the first look since then that did not find it"),
        sa.Column("gone_at", INSTANT, comment="null while it is in the queue"),
        sa.PrimaryKeyConstraint("message_id", name="pk_dead_letters"),
        **MARIADB,
    )
    op.create_index(
        "ix_dead_letters_gone_at_fingerprint_message_id", "dead_letters", ["gone_at", "fingerprint", "message_id"]
    )
    op.create_index("ix_dead_letters_order_id", "dead_letters", ["order_id"])
    op.create_index("ix_dead_letters_task_id", "dead_letters", ["task_id"])
    op.create_table(
        "looks",
        sa.Column("queue", sa.String(255), nullable=False),
        sa.Column("holder", sa.String(255), comment="the process that looks into the queue"),
        sa.Column("held_until", INSTANT, comment="when another one may"),
        sa.Column("began_at", INSTANT, comment="of the last look that saw all of it, as what follows"),
        sa.Column("ended_at", INSTANT),
        sa.Column("found", sa.Integer),
        sa.Column("new", sa.Integer),
        sa.Column("gone", sa.Integer),
        sa.PrimaryKeyConstraint("queue", name="pk_looks"),
        **MARIADB,
    )
    op.create_table(
        "repairs",
        sa.Column("id", sa.CHAR(36), nullable=False),
        sa.Column("action", sa.String(20), nullable=False, comment="redrive, edit or discard"),
        sa.Column("operator", sa.String(255), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False, comment="running, done or stopped"),
        sa.Column("note", sa.Text, nullable=False, comment="why it was stopped"),
        sa.Column("canaries", sa.Integer, nullable=False, comment="how many go first"),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("runner", sa.String(255), comment="the process that is at it"),
        sa.Column("runner_until", INSTANT, comment="when another one may take over"),
        sa.PrimaryKeyConstraint("id", name="pk_repairs"),
        **MARIADB,
    )
    op.create_index("ix_repairs_began_at", "repairs", ["began_at"])
    op.create_table(
        "repair_items",
        sa.Column("repair_id", sa.CHAR(36), nullable=False),
        sa.Column("message_id", sa.String(255), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("order_id", sa.CHAR(36)),
        sa.Column("task", sa.String(255), nullable=False),
        sa.Column("task_id", sa.String(255), nullable=False),
        sa.Column("body", LARGE_TEXT, nullable=False, comment="as it was in the DLQ"),
        sa.Column("new_body", LARGE_TEXT, comment="as it was sent, where that differs"),
        sa.Column("new_message_id", sa.String(255)),
        sa.Column("sent_at", INSTANT),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("repair_id", "message_id", name="pk_repair_items"),
        **MARIADB,
    )
    op.create_index("ix_repair_items_message_id", "repair_items", ["message_id"])
    op.create_index("ix_repair_items_order_id", "repair_items", ["order_id"])
    op.create_index("ix_repair_items_repair_id_state", "repair_items", ["repair_id", "state"])
    op.create_index("ix_repair_items_task_id", "repair_items", ["task_id"])


def downgrade() -> None:
    for table in (
        "repair_items",
        "repairs",
        "looks",
        "dead_letters",
        "replies",
        "commands",
        "task_minutes",
        "workers",
        "task_state",
    ):
        op.drop_table(table)
