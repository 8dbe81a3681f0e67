"""What was sent within a time is found by an index, and workers note when they renew what was sent long before."""

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


def upgrade() -> None:
    op.create_index("ix_task_state_sent_at", "task_state", ["sent_at"])
    with op.batch_alter_table("workers") as table:
        table.add_column(sa.Column("renewed_at", INSTANT, comment=RENEWED))


def downgrade() -> None:
    with op.batch_alter_table("workers") as table:
        table.drop_column("renewed_at")
    op.drop_index("ix_task_state_sent_at", "task_state")
