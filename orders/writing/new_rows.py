"""The insert of orders of which none is there: nearly every batch, so it is made with little CPU.

SQLAlchemy makes its statement anew for each batch, and reads back what the statement returns. Here the text is made
once, and nothing is returned: that it succeeds says that each row is new.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.engine import Dialect

from orders.tables import orders

#: Values by column.
Row = dict[str, Any]


class NewRows:
    """Inserts orders that are not there.

    Args:
        dialect: of the database.
    """

    def __init__(self, dialect: Dialect) -> None:
        # The parameters are tuples, whatever SQLAlchemy itself has for this driver.
        kind: Any = type(dialect)
        by_position = kind(paramstyle="qmark" if dialect.paramstyle == "qmark" else "format")
        names = [column.name for column in orders.c]
        self._text = str(insert(orders).compile(dialect=by_position, column_keys=names))
        self._columns: list[tuple[str, Callable[[Any], Any] | None]] = [
            (column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in orders.c
        ]

    def insert(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert all of the rows, or none.

        Raises:
            sqlalchemy.exc.IntegrityError: an order is there under one of the ids, or a row breaks a constraint.
            sqlalchemy.exc.SQLAlchemyError: they could not be written.
        """
        columns = []
        for name, process in self._columns:
            values = [row[name] for row in rows]
            columns.append(values if process is None else map(process, values))
        connection.exec_driver_sql(self._text, list(zip(*columns, strict=True)))
