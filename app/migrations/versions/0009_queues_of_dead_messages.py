"""Dead messages and repairs say which work queue they are of: an app may have several."""

from typing import Final

import sqlalchemy as sa
from alembic import context, op

from config.queues import ORDER_QUEUE

revision: Final = "0009"
down_revision: Final = "0008"
branch_labels: Final = None
depends_on: Final = None

TABLES: Final = ("dead_messages", "repairs")
COMMENT: Final = "the work queue, by its name in sqs_queues"
INDEX: Final = ("gone_at", "queue", "fingerprint", "message_id")
OLD_INDEX: Final = ("gone_at", "fingerprint", "message_id")


def upgrade() -> None:
    # MariaDB adds a column with a default, and takes the default away, without touching a row. What is there is of the
    # only queue there was.
    queue = context.config.attributes.get("queue", ORDER_QUEUE.name)
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("queue", sa.String(255), nullable=False, server_default=queue, comment=COMMENT))
        with op.batch_alter_table(name) as table:
            table.alter_column(
                "queue",
                server_default=None,
                existing_type=sa.String(255),
                existing_nullable=False,
                existing_comment=COMMENT,
            )
    replace_index(OLD_INDEX, INDEX)


def downgrade() -> None:
    replace_index(INDEX, OLD_INDEX)
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.drop_column("queue")


def replace_index(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    op.create_index(f"ix_dead_messages_{'_'.join(new)}", "dead_messages", list(new))
    op.drop_index(f"ix_dead_messages_{'_'.join(old)}", "dead_messages")
