"""Who has paused the consumption of a queue, when and why."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: Final = "0010"
down_revision: Final = "0009"
branch_labels: Final = None
depends_on: Final = None

MARIADB: Final[dict[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
INSTANT: Final = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column("id", sa.CHAR(36), nullable=False),
        sa.Column("queue", sa.String(255), nullable=False, comment="as Celery names it"),
        sa.Column("paused_by", sa.String(255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paused_at", INSTANT, nullable=False),
        sa.Column("resumed_by", sa.String(255), comment="null while the queue is paused, as what follows"),
        sa.Column("resume_reason", sa.Text()),
        sa.Column("resumed_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_pauses"),
        **MARIADB,
    )
    op.create_index("ix_pauses_resumed_at", "pauses", ["resumed_at"])
    op.create_index("ix_pauses_paused_at", "pauses", ["paused_at"])


def downgrade() -> None:
    op.drop_table("pauses")
