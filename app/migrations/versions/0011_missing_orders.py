"""Orders that are missing are listed; what was sent within a time is found, and workers note what they renew late."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: Final = "0011"
down_revision: Final = "0010"
branch_labels: Final = None
depends_on: Final = None

MARIADB: Final[dict[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
INSTANT: Final = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
RENEWED: Final = "when it last renewed a message that had been sent over an hour before"


def upgrade() -> None:
    op.create_table(
        "missing_orders",
        sa.Column("order_id", sa.CHAR(36), nullable=False),
        sa.Column("accepted_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False, comment="its last sign of life"),
        sa.Column("found_at", INSTANT, nullable=False, comment="when it was found to be missing"),
        sa.PrimaryKeyConstraint("order_id", name="pk_missing_orders"),
        **MARIADB,
    )
    op.create_index("ix_missing_orders_found_at", "missing_orders", ["found_at"])
    op.create_index("ix_task_state_sent_at", "task_state", ["sent_at"])
    with op.batch_alter_table("workers") as table:
        table.add_column(sa.Column("renewed_at", INSTANT, comment=RENEWED))


def downgrade() -> None:
    with op.batch_alter_table("workers") as table:
        table.drop_column("renewed_at")
    op.drop_index("ix_task_state_sent_at", "task_state")
    op.drop_table("missing_orders")
