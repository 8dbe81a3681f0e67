"""Kinds of failures are kept, instants of sends are found by two indexes, and workers note when they renew late."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

INSTANT: Final = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
RENEWED: Final = "when it last renewed a message that had been sent over an hour before"
INDEXES: Final = {
    "ix_task_state_state_sent_at_name": ["state", "sent_at", "name"],
    "ix_task_state_sent_at": ["sent_at"],
}


def upgrade() -> None:
    """Add them."""
    op.add_column("task_state", sa.Column("kind", sa.String(20), comment="whose fault its last failed attempt was"))
    for name, columns in INDEXES.items():
        op.create_index(name, "task_state", columns)
    op.add_column("workers", sa.Column("renewed_at", INSTANT, comment=RENEWED))


def downgrade() -> None:
    """Drop them."""
    for name in INDEXES:
        op.drop_index(name, "task_state")
    for table, column in (("task_state", "kind"), ("workers", "renewed_at")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
