"""The tables. `app/migrations` builds them; a test compares the two."""

import functools
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect

#: Characters kept of an error's text and traceback: 4 bytes each at most, in a column of 64 KiB.
MAX_TEXT: Final = 16_000
MAX_NAME: Final = 255

# Binary collation: ids and names compare as what they are, not as a dictionary would sort them.
MARIADB: Final[dict[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant with microseconds, stored without its offset, which SQL cannot keep."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Microseconds, also on MariaDB, whose DATETIME has none by default."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """On the way in: to UTC. As text for MariaDB, which PyMySQL would spell a part at a time."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        if dialect.name == "sqlite":
            return utc.replace(tzinfo=None)
        second = _second(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second)
        return f"{second}.{utc.microsecond:06}"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """On the way out: from UTC."""
        # `replace` and `isoformat` take several times as long.
        return None if value is None else datetime.combine(value, value.time(), UTC)


@functools.lru_cache(maxsize=256)
def _second(year: int, month: int, day: int, hour: int, minute: int, second: int) -> str:
    """A second as SQL spells it. Rows that are written together are of a few."""
    return f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", CHAR(36), primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("product_name", String(200), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("total_price", Numeric(12, 2), nullable=False),
    Column("status", String(20), nullable=False),
    Column("accepted_at", UtcDateTime, nullable=False),
    Column("persisted_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, comment="receives it took, this one included"),
    Column("worker", String(MAX_NAME), nullable=False),
    Column("task_id", String(MAX_NAME), nullable=False),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("total_price >= 0", name="total_price_not_negative"),
    Index(None, "user_id", "accepted_at", "order_id"),
    **MARIADB,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("order_id", CHAR(36), comment="null where the message names no order"),
    Column("task", String(MAX_NAME), nullable=False),
    Column("task_id", String(MAX_NAME), nullable=False),
    Column("error_class", String(MAX_NAME), nullable=False),
    Column("message", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    Column("receive_count", Integer, nullable=False),
    Column("worker", String(MAX_NAME), nullable=False),
    Column("final", Boolean, nullable=False, comment="the last receive that the queue allows"),
    Column("failed_at", UtcDateTime, nullable=False),
    Column("message_id", String(MAX_NAME), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("next_visible_at", UtcDateTime, nullable=False),
    Index(None, "order_id"),
    Index(None, "task_id"),
    # One attempt is one row; and it finds the rows of a message.
    Index(None, "message_id", "receive_count", unique=True),
    **MARIADB,
)

#: Orders that are nowhere to be found, as they were when that was last looked at.
missing_orders = Table(
    "missing_orders",
    metadata,
    Column("order_id", CHAR(36), primary_key=True),
    Column("accepted_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False, comment="its last sign of life"),
    Column("found_at", UtcDateTime, nullable=False, comment="when it was found to be missing"),
    Index(None, "found_at"),
    **MARIADB,
)

#: A probe's row is there for the length of its transaction, so the table is always empty.
probes = Table("probes", metadata, Column("id", CHAR(36), primary_key=True), **MARIADB)
