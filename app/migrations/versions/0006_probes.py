"""What a worker writes to find out whether the database can be written to."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "probes",
        sa.Column("id", sa.CHAR(36), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_probes"),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def downgrade() -> None:
    op.drop_table("probes")
