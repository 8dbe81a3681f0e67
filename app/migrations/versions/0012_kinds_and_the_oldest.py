"""Whose fault a failed call was is kept; and the oldest unfinished call is one look into an index."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0012"
down_revision: Final = "0011"
branch_labels: Final = None
depends_on: Final = None

INDEX: Final = "ix_task_state_state_sent_at_name"


def upgrade() -> None:
    op.add_column("task_state", sa.Column("kind", sa.String(20), comment="whose fault its last failed attempt was"))
    op.create_index(INDEX, "task_state", ["state", "sent_at", "name"])


def downgrade() -> None:
    op.drop_index(INDEX, "task_state")
    with op.batch_alter_table("task_state") as table:
        table.drop_column("kind")
