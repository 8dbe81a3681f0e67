"""A worker's messages that are received and not settled are called in flight, as SQS calls them."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None

SUBJECT: Final = "what the call is about: an order's id"
IN_FLIGHT: Final = "messages received and not settled"


def upgrade() -> None:
    rename_columns_of_workers("held", "in_flight", "oldest_held_seconds", "oldest_in_flight_seconds")
    comment_on_subject(SUBJECT, "what the call is about, as its task's subject() returns it")


def downgrade() -> None:
    comment_on_subject("what the call is about, as its task's subject() returns it", SUBJECT)
    rename_columns_of_workers("in_flight", "held", "oldest_in_flight_seconds", "oldest_held_seconds")


def rename_columns_of_workers(count: str, new_count: str, age: str, new_age: str) -> None:
    with op.batch_alter_table("workers") as table:
        table.alter_column(
            count,
            new_column_name=new_count,
            existing_type=sa.Integer,
            existing_nullable=False,
            existing_comment=IN_FLIGHT,
        )
        table.alter_column(age, new_column_name=new_age, existing_type=sa.Float, existing_nullable=False)


def comment_on_subject(old: str, new: str) -> None:
    with op.batch_alter_table("task_state") as table:
        table.alter_column("subject", existing_type=sa.String(255), existing_comment=old, comment=new)
