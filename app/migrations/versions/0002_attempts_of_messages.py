"""A failed attempt says which message it was at, why it failed and when the message is back; each is kept once."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

NEW: Final[dict[str, sa.types.TypeEngine[Any]]] = {
    "message_id": sa.String(255),
    "kind": sa.String(20),
    "next_visible_at": sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
}
ATTEMPTS: Final = sa.table("attempts", *map(sa.column, ["id", "task_id", "receive_count", "failed_at", *NEW]))


def upgrade() -> None:
    with op.batch_alter_table("attempts") as table:
        for name, type_ in NEW.items():
            table.add_column(sa.Column(name, type_))
    fill()
    with op.batch_alter_table("attempts") as table:
        for name, type_ in NEW.items():
            table.alter_column(name, existing_type=type_, nullable=False)
    op.create_index("ix_attempts_message_id_receive_count", "attempts", ["message_id", "receive_count"], unique=True)


def fill() -> None:
    """Say of the attempts on record what is known: their messages' own ids are not."""
    of = ATTEMPTS.c
    op.execute(sa.update(ATTEMPTS).values(message_id=of.task_id, kind="own", next_visible_at=of.failed_at))
    # A task id may have been on two messages, or an attempt on record twice. All are kept, the later ones under
    # their row's number. The subquery is one of its own, as MariaDB does not read what it updates.
    first = sa.select(sa.func.min(of.id)).group_by(of.task_id, of.receive_count).subquery()
    later = of.id.not_in(sa.select(first))
    op.execute(sa.update(ATTEMPTS).where(later).values(message_id=sa.cast(of.id, sa.String(255))))


def downgrade() -> None:
    op.drop_index("ix_attempts_message_id_receive_count", "attempts")
    with op.batch_alter_table("attempts") as table:
        for name in NEW:
            table.drop_column(name)
