"""Column types and limits of the tables, on MariaDB, MySQL and SQLite."""

import functools
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import DateTime, Text, TypeDecorator
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect

#: Characters kept of an error's text and traceback: 4 bytes each at most, in a column of 64 KiB.
MAX_TEXT: Final = 16_000
MAX_NAME: Final = 255  # characters
MAX_KIND: Final = 20

#: Names of keys, indexes and checks, the same on every database: migrations name what they change.
NAMING: Final[dict[str, str]] = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

# Binary collation: ids and names compare as what they are, not as a dictionary would sort them.
MARIADB: Final[dict[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}

#: Text as large as a message may be: 1 MiB, and more once JSON has escaped it. MariaDB's TEXT holds 64 KiB.
LARGE_TEXT = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


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


def storable(text: str) -> str:
    """Text that any database takes: half surrogate pairs, which UTF-8 has no bytes for, replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
