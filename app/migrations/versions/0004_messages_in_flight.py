"""Messages that a worker has received and not settled are called in flight, as SQS calls them; and reports, events."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None

#: Columns of `workers`: the old name, the new one, the type, the comment.
RENAMED: Final = (
    ("held", "in_flight", sa.Integer, "messages received and not settled"),
    ("oldest_held_seconds", "oldest_in_flight_seconds", sa.Float, None),
)

#: Comments: the table, the column, its type, whether it may be null, the old comment, the new one.
COMMENTS: Final[tuple[tuple[str, str, Any, bool, str, str], ...]] = (
    (
        "task_state",
        "version",
        sa.BigInteger,
        False,
        "of two reports the higher one is the later one",
        "of two events the one with the higher version is the later",
    ),
    (
        "task_state",
        "subject",
        sa.String(255),
        True,
        "what the call is about: an order's id",
        "what the call is about, as its task's subject() returns it",
    ),
    (
        "workers",
        "heartbeat",
        sa.Float,
        False,
        "seconds between two signs of life",
        "seconds between two updates of this row",
    ),
    (
        "workers",
        "dropped",
        sa.BigInteger,
        False,
        "reports that found no room and are not in task_state",
        "events that found no room and are not in task_state",
    ),
)


def upgrade() -> None:
    for old, new, type_, comment in RENAMED:
        rename(old, new, type_, comment)
    for table, column, type_, nullable, old, new in COMMENTS:
        comment_on(table, column, type_, nullable, old, new)


def downgrade() -> None:
    for table, column, type_, nullable, old, new in COMMENTS:
        comment_on(table, column, type_, nullable, new, old)
    for old, new, type_, comment in RENAMED:
        rename(new, old, type_, comment)


def rename(column: str, new: str, type_: Any, comment: str | None) -> None:
    with op.batch_alter_table("workers") as table:
        table.alter_column(
            column, new_column_name=new, existing_type=type_, existing_nullable=False, existing_comment=comment
        )


def comment_on(table: str, column: str, type_: Any, nullable: bool, old: str, new: str) -> None:
    if op.get_bind().dialect.name != "sqlite":  # which has no comments
        op.alter_column(
            table, column, existing_type=type_, existing_nullable=nullable, existing_comment=old, comment=new
        )
