"""One worker at a time keeps the monitor's tables in order; a task may be closed without an event of its own."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: Final = "0007"
down_revision: Final = "0006"
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
        "housekeeping",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("holder", sa.String(255), comment="the process that keeps these tables in order"),
        sa.Column("held_until", INSTANT, comment="when another one may"),
        sa.PrimaryKeyConstraint("name", name="pk_housekeeping"),
        **MARIADB,
    )
    op.add_column(
        "task_state", sa.Column("closed_at", INSTANT, comment="when it was ended without an event of its own")
    )


def downgrade() -> None:
    with op.batch_alter_table("task_state") as table:
        table.drop_column("closed_at")
    op.drop_table("housekeeping")
