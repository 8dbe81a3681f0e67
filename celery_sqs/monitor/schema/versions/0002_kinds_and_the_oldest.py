"""The oldest unfinished call of a task is one look into an index, however many are unfinished."""

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

INDEX: Final = "ix_task_state_state_sent_at_name"


def upgrade() -> None:
    """Create the index."""
    op.create_index(INDEX, "task_state", ["state", "sent_at", "name"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index(INDEX, "task_state")
