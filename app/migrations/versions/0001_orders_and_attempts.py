"""Orders and failed attempts."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

MARIADB: Final[dict[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
INSTANT: Final = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("order_id", sa.CHAR(36), nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("product_name", sa.String(200), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("total_price", sa.Numeric(12, 2), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("accepted_at", INSTANT, nullable=False),
        sa.Column("persisted_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, comment="receives it took, this one included"),
        sa.Column("worker", sa.String(255), nullable=False),
        sa.Column("task_id", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name="pk_orders"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_orders_quantity_positive")),
        sa.CheckConstraint("total_price >= 0", name=op.f("ck_orders_total_price_not_negative")),
        **MARIADB,
    )
    op.create_index("ix_orders_user_id_accepted_at_order_id", "orders", ["user_id", "accepted_at", "order_id"])
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("order_id", sa.CHAR(36), comment="null where the message names no order"),
        sa.Column("task", sa.String(255), nullable=False),
        sa.Column("task_id", sa.String(255), nullable=False),
        sa.Column("error_class", sa.String(255), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("traceback", sa.Text, nullable=False),
        sa.Column("receive_count", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(255), nullable=False),
        sa.Column("final", sa.Boolean, nullable=False, comment="the last receive that the queue allows"),
        sa.Column("failed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        **MARIADB,
    )
    op.create_index("ix_attempts_order_id", "attempts", ["order_id"])
    op.create_index("ix_attempts_task_id", "attempts", ["task_id"])


def downgrade() -> None:
    op.drop_table("attempts")
    op.drop_table("orders")
