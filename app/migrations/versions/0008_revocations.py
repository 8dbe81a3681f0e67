"""What Celery's `revoke` withdraws is kept for workers that start later; a command may name many calls."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: Final = "0008"
down_revision: Final = "0007"
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
    op.create_table(
        "revocations",
        sa.Column("ticket", sa.CHAR(36), nullable=False),
        sa.Column("method", sa.String(255), nullable=False),
        sa.Column("arguments", LARGE_TEXT, nullable=False, comment="JSON: what is revoked, by whom and when"),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("ticket", name="pk_revocations"),
        **MARIADB,
    )
    op.create_index("ix_revocations_expires_at", "revocations", ["expires_at"])
    change_arguments(sa.Text(), LARGE_TEXT)


def downgrade() -> None:
    change_arguments(LARGE_TEXT, sa.Text())
    op.drop_table("revocations")


def change_arguments(old: Any, new: Any) -> None:
    if op.get_bind().dialect.name != "sqlite":  # whose text has one size
        op.alter_column("commands", "arguments", existing_type=old, type_=new, nullable=False, existing_comment="JSON")
