"""The tables of the DLQ say dead message, scan and subject, as the framework does, which knows no orders."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: Final = "0005"
down_revision: Final = "0004"
branch_labels: Final = None
depends_on: Final = None

INSTANT: Final = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
NAME: Final = sa.String(255)

#: Tables: the old name, the new one and the primary key.
TABLES: Final = (("dead_letters", "dead_messages", "message_id"), ("looks", "scans", "queue"))

#: Columns that only get another comment: table, column, type, whether it may be null, the old comment and the new one.
COMMENTS: Final[tuple[tuple[str, str, sa.types.TypeEngine[Any], bool, str, str], ...]] = (
    (
        "dead_messages",
        "seen_at",
        INSTANT,
        False,
        "the last look into the queue that found it",
        "the last scan that found it",
    ),
    (
        "dead_messages",
        "missed_at",
        INSTANT,
        True,
        "the first look since then that did not find it",
        "the first scan since then that did not find it",
    ),
    ("scans", "holder", NAME, True, "the process that looks into the queue", "the process that scans the queue"),
    (
        "scans",
        "began_at",
        INSTANT,
        True,
        "of the last look that saw all of it, as what follows",
        "of the last full scan, as what follows",
    ),
    ("repairs", "runner", NAME, True, "the process that is at it", "the process that runs it"),
)

OLD_SUBJECT: Final = {"name": "order_id", "type_": sa.CHAR(36), "comment": "null where the message names no order"}
NEW_SUBJECT: Final = {
    "name": "subject",
    "type_": NAME,
    "comment": "what its call is about, as its task's subject() returns it",
}


def upgrade() -> None:
    drop_indexes("dead_letters", "order_id")
    for old, new, key in TABLES:
        rename_table(old, new, key)
    rename_subject(OLD_SUBJECT, NEW_SUBJECT)
    for table, column, type_, nullable, old, new in COMMENTS:
        comment(table, column, type_, nullable, old, new)
    create_indexes("dead_messages", "subject")


def downgrade() -> None:
    drop_indexes("dead_messages", "subject")
    for table, column, type_, nullable, old, new in COMMENTS:
        comment(table, column, type_, nullable, new, old)
    rename_subject(NEW_SUBJECT, OLD_SUBJECT)
    for old, new, key in TABLES:
        rename_table(new, old, key)
    create_indexes("dead_letters", "order_id")


def drop_indexes(table: str, subject: str) -> None:
    for name in (subject, "task_id", "gone_at_fingerprint_message_id"):
        op.drop_index(f"ix_{table}_{name}", table)
    op.drop_index(f"ix_repair_items_{subject}", "repair_items")


def create_indexes(table: str, subject: str) -> None:
    for columns in ([subject], ["task_id"], ["gone_at", "fingerprint", "message_id"]):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    op.create_index(f"ix_repair_items_{subject}", "repair_items", [subject])


def rename_table(old: str, new: str, key: str) -> None:
    op.rename_table(old, new)
    # MariaDB has no name for a primary key. SQLite has, and keeps the old one.
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table(new) as table:
            table.drop_constraint(f"pk_{old}", type_="primary")
            table.create_primary_key(f"pk_{new}", [key])


def rename_subject(old: dict[str, Any], new: dict[str, Any]) -> None:
    for name, has_comment in (("dead_messages", True), ("repair_items", False)):
        with op.batch_alter_table(name) as table:
            table.alter_column(
                old["name"],
                new_column_name=new["name"],
                type_=new["type_"],
                comment=new["comment"] if has_comment else None,
                existing_type=old["type_"],
                existing_nullable=True,
                existing_comment=old["comment"] if has_comment else None,
            )


def comment(name: str, column: str, type_: sa.types.TypeEngine[Any], nullable: bool, old: str, new: str) -> None:
    with op.batch_alter_table(name) as table:
        table.alter_column(column, existing_type=type_, existing_nullable=nullable, existing_comment=old, comment=new)
