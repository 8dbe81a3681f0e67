"""Writing the tables `task_state`, `task_minutes` and `workers`, in as few statements as possible."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Table,
    Text,
    and_,
    case,
    func,
    literal_column,
)
from sqlalchemy.dialects.mysql import insert as mariadb_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import SQLAlchemyError

from celery_sqs import system
from celery_sqs.database.columns import MAX_TEXT
from celery_sqs.database.many_rows import ManyRows
from celery_sqs.monitor.tables import task_minutes, task_state, workers
from celery_sqs.monitor.task_events import MAX_ARGUMENTS, PENDING, PHASES, RECEIVE_COLUMNS, Row

#: What is written where nothing is known of a column that must not be null.
_UNKNOWN: Final[Row] = {"name": "", "args": "", "kwargs": "", "receive_count": 0}

#: A minute, a task's name and what is counted.
CounterKey = tuple[datetime, str, str]


class TaskStates:
    """The tables of the states of tasks and workers, for the event writer.

    Args:
        engine: of the monitor's database.

    Every method raises SQLAlchemy's errors, and may be repeated after one.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._states = ManyRows(engine, _upsert(engine, task_state, _later_wins), _UNKNOWN, ("error", "traceback"))
        self._upsert_minutes = _upsert(engine, task_minutes, _sum)
        self._upsert_worker = _upsert(engine, workers, _replace)

    def write(self, rows: Sequence[Row], counts: Counter[CounterKey], worker: Row | None = None) -> None:
        """Write rows of tasks, add to the counts, and write the row of a worker, in one transaction.

        A row's `changed_at` is when it is written, and not when its event was sent: a reader that goes on from the
        last `changed_at` must not miss an event that comes late.
        """
        changed_at = system.now(UTC)
        # All processes lock the rows in the same order, so that no two of them deadlock.
        ordered = sorted(({**row, "changed_at": changed_at} for row in rows), key=lambda row: str(row["task_id"]))
        counters = [
            {"minute": minute, "task": task, "what": what, "count": count}
            for (minute, task, what), count in sorted(counts.items())
        ]
        with self._engine.begin() as connection:
            self._states.execute(connection, ordered)
            if counters:
                connection.execute(self._upsert_minutes, counters)
            if worker is not None:
                connection.execute(self._upsert_worker, worker)

    def can_write(self) -> bool:
        """Whether rows could be written at this moment: some as large as any are, and are taken back."""
        try:
            with self._engine.connect() as connection:
                self._states.execute(connection, [_WIDEST | {"task_id": str(uuid4()), "changed_at": system.now(UTC)}])
                connection.execute(self._upsert_minutes, [_COUNT | {"minute": system.now(UTC)}])
                connection.rollback()
        except SQLAlchemyError:
            return False
        return True


#: As large as a row may be.
_WIDEST: Final[Row] = {
    **_UNKNOWN,
    "version": 0,
    "state": PENDING,
    "args": "x" * MAX_ARGUMENTS,
    "error": "x" * MAX_TEXT,
    "traceback": "x" * MAX_TEXT,
}
_COUNT: Final[Row] = {"task": "", "what": "", "count": 0}


def _upsert(engine: Engine, table: Table, resolve: Any) -> Any:
    """An insert that updates a row that exists to `resolve(table, new)`.

    That is the value of each column but the key, in the order of assignment: MariaDB reads the columns that it has
    assigned already, so a column that others depend on comes last.
    """
    key = list(table.primary_key.columns)
    if engine.dialect.name == "sqlite":
        insert = sqlite_insert(table)
        return insert.on_conflict_do_update(index_elements=key, set_=dict(resolve(table, insert.excluded)))
    insert_ = mariadb_insert(table)
    return insert_.on_duplicate_key_update(resolve(table, insert_.inserted))


# Literals: the insert has no parameters but the row.
_NO_TEXT: Final = literal_column("''", Text)
_ZERO, _PHASES = (literal_column(str(number), BigInteger) for number in (0, PHASES))


def _later_wins(table: Table, new: Any) -> list[tuple[str, Any]]:
    """Of the rows of two events of one task: see `celery_sqs.monitor.task_events.merge`."""
    old = table.c
    is_later = new.version >= old.version
    receives = new.version // _PHASES, old.version // _PHASES
    of_two_receives = and_(receives[0] != receives[1], receives[0] > _ZERO, receives[1] > _ZERO)

    def resolved(column: Column[Any]) -> Any:
        value = new[column.name]
        if column.name == "changed_at":
            return value
        if column.name == "closed_at":  # an event says how it ended after all, or that it goes on
            return case((is_later, value), else_=column)
        if isinstance(column.type, Text) and not column.nullable:
            return case((value != _NO_TEXT, value), else_=column)
        filled = case((is_later, func.coalesce(value, column)), else_=func.coalesce(column, value))
        if column.name not in RECEIVE_COLUMNS:
            return filled
        return case((of_two_receives, case((is_later, value), else_=column)), else_=filled)

    others = [(column.name, resolved(column)) for column in old if column.name not in {"task_id", "version"}]
    return [*others, ("version", case((is_later, new.version), else_=old.version))]


def _sum(table: Table, new: Any) -> list[tuple[str, Any]]:
    return [("count", table.c["count"] + new["count"])]


def _replace(table: Table, new: Any) -> list[tuple[str, Any]]:
    return [(column.name, new[column.name]) for column in table.c if not column.primary_key]
