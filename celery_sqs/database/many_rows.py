"""Inserting many rows at a time with little CPU: SQLAlchemy and PyMySQL spend theirs on each value of each row."""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine

#: Rows of one statement.
MAX_ROWS: Final = 500

#: The same where one has long text. MariaDB takes 16 MB (max_allowed_packet).
MAX_LARGE_ROWS: Final = 50

#: Text that means the same in quotes to every database, whatever its settings.
_PLAIN: Final = re.compile(r"[A-Za-z0-9 .:@_-]*")

#: Values by column.
Row = Mapping[str, Any]


class ManyRows:
    """An insert that is made into text once. Columns that have plain values alone are spelt in that text.

    All other values are parameters, which the driver spells a value at a time.

    Args:
        engine: of the database.
        insert: an insert into a table, and what is done where a row is there already. Its only parameters are the row.
        defaults: what is written where a row has no value for a column; NULL for all other columns.
        large: columns of which one with a value makes a row a large one.
    """

    def __init__(self, engine: Engine, insert: Any, defaults: Mapping[str, Any], large: Sequence[str]) -> None:
        dialect, table = engine.dialect, insert.table
        self._large = large
        self._columns = [
            (column.name, defaults.get(column.name), column.type.dialect_impl(dialect).bind_processor(dialect))
            for column in table.c
        ]
        # Spelt with question marks, the text has neither named parameters nor doubled percent signs.
        kind: Any = type(dialect)
        text = str(insert.compile(dialect=kind(paramstyle="qmark"), column_keys=[column.name for column in table.c]))
        head, rest = text.split(" VALUES (", 1)
        _, tail = rest.split(")", 1)
        self._parameter, self._head, self._tail = "?", head, tail
        if dialect.paramstyle != "qmark":
            self._parameter, self._head, self._tail = "%s", head.replace("%", "%%"), tail.replace("%", "%%")

    def execute(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write rows, in their order.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: they could not be written.
        """
        for start in range(0, len(rows), MAX_ROWS):
            part = rows[start : start + MAX_ROWS]
            size = MAX_LARGE_ROWS if any(row.get(name) for name in self._large for row in part) else MAX_ROWS
            for first in range(0, len(part), size):
                text, parameters = self._statement(part[first : first + size])
                connection.exec_driver_sql(text, parameters)

    def _statement(self, rows: Sequence[Row]) -> tuple[str, tuple[Any, ...]]:
        spelt, parameters = [], []
        for name, default, process in self._columns:
            values = [row.get(name, default) for row in rows]
            if process is not None:
                values = list(map(process, values))
            literals = _literals(values)
            if literals is None:
                parameters.append(values)
            spelt.append(literals or itertools.repeat(self._parameter, len(rows)))
        listed = ", ".join(f"({', '.join(row)})" for row in zip(*spelt, strict=True))
        text = f"{self._head} VALUES {listed}{self._tail}"
        return text, tuple(itertools.chain.from_iterable(zip(*parameters, strict=True)))


def _literals(values: Sequence[Any]) -> Iterable[str] | None:
    """How the values of a column are spelt in a statement; None where that of one depends on the database."""
    first = values[0]
    if values.count(first) == len(values):
        literal = _literal(first)
        return None if literal is None else itertools.repeat(literal, len(values))
    # Looked at together: most columns have values of one type.
    types = set(map(type, values))
    if types == {str}:
        return [f"'{value}'" for value in values] if _PLAIN.fullmatch("".join(values)) else None
    if types == {int}:
        return map(str, values)
    literals = [_literal(value) for value in values]
    return None if None in literals else [literal for literal in literals if literal is not None]


def _literal(value: Any) -> str | None:
    if value is None:
        return "NULL"
    if type(value) is int:
        return str(value)
    return f"'{value}'" if type(value) is str and _PLAIN.fullmatch(value) else None
