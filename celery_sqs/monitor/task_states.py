"""Writing the tables `task_state`, `task_minutes` and `workers`, in as few statements as can be."""

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    Text,
    and_,
    case,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.mysql import insert as mariadb_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from celery_sqs.monitor.report import LOST, OF_ONE_RECEIVE, PHASES, RECEIVED, STARTED, Row
from celery_sqs.monitor.tables import task_minutes, task_state, workers

#: Seconds between two signs of life of a worker.
HEARTBEAT: Final = 5.0

#: Seconds without one after which a worker is taken for dead.
DEAD_AFTER: Final = 3 * HEARTBEAT

#: Rows of a statement. Each worker writes about one statement in half a second, however many tasks it runs.
ROWS: Final = 500

#: Rows of one DELETE, so that it holds its locks for a moment only.
PURGED_AT_ONCE: Final = 2000

#: What is written of a task where nothing is known and the column wants a value.
_UNKNOWN: Final[Row] = {"name": "", "args": "", "kwargs": "", "receive_count": 0}

#: A minute, a task's name and what is counted of it.
CounterKey = tuple[datetime, str, str]


class TaskStates:
    """The tables that tell the state of tasks and workers, for those who write them.

    Args:
        engine: from `orders.database.connect`.

    Every method raises SQLAlchemy's errors, and may be repeated then.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._put_states = _upsert(engine, task_state, _later_wins)
        self._put_minutes = _upsert(engine, task_minutes, _sum)
        self._put_worker = _upsert(engine, workers, _replace)

    def write(self, rows: Sequence[Row], counts: Counter[CounterKey], worker: Row | None = None) -> None:
        """Keep reports, add to the counts, and tell the state of a worker, in one transaction.

        A row's `changed_at` is when it is written, and not when what it tells of has happened: whoever reads on from
        where it was must not miss what was told late.
        """
        # Of the others only the columns that something is known of: each of them is spelt in each row.
        complete = dict.fromkeys(itertools.chain.from_iterable(rows)) | _UNKNOWN | {"changed_at": datetime.now(UTC)}
        # One order of locking for all, so that no two of them deadlock.
        ordered = sorted((complete | row for row in rows), key=lambda row: str(row["task_id"]))
        tallies = [
            {"minute": minute, "task": task, "what": what, "count": count}
            for (minute, task, what), count in sorted(counts.items())
        ]
        with self._engine.begin() as connection:
            for start in range(0, len(ordered), ROWS):
                connection.execute(self._put_states, ordered[start : start + ROWS])
            if tallies:
                connection.execute(self._put_minutes, tallies)
            if worker is not None:
                connection.execute(self._put_worker, worker)

    def mark_lost(self, now: datetime) -> int:
        """Say of the tasks at workers that are gone that they are lost; returns how many there were.

        SQS hands them out again. Nothing else would ever close their rows.
        """
        gone = select(workers.c.name).where(
            or_(workers.c.stopped_at.is_not(None), workers.c.seen_at < now - timedelta(seconds=DEAD_AFTER))
        )
        with self._engine.begin() as connection:
            names = connection.execute(gone).scalars().all()
            if not names:
                return 0
            theirs = task_state.c.state.in_((RECEIVED, STARTED)) & task_state.c.worker.in_(names)
            return connection.execute(update(task_state).where(theirs).values(state=LOST, changed_at=now)).rowcount

    def purge(self, before: datetime) -> int:
        """Forget some of what has not changed since; returns how much, 0 when nothing is left to forget."""
        forgotten = 0
        with self._engine.begin() as connection:
            for table, changed_at in _AGES:
                forgotten += _delete_some(connection, table, changed_at < before)
        return forgotten


_AGES: Final[tuple[tuple[Table, ColumnElement[Any]], ...]] = (
    (task_state, task_state.c.changed_at),
    (task_minutes, task_minutes.c.minute),
    (workers, workers.c.seen_at),
)


def _delete_some(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    key = next(iter(table.primary_key.columns))
    some = connection.execute(select(key).where(condition).limit(PURGED_AT_ONCE)).scalars().all()
    return connection.execute(delete(table).where(condition, key.in_(some))).rowcount if some else 0


def _upsert(engine: Engine, table: Table, resolve: Any) -> Any:
    """An insert that settles with `resolve(table, new)` what is to stand where a row is there already.

    It tells for each column its value, the key left out, in the order in which they are assigned: MariaDB
    reads what it has assigned already, so what the others ask for comes last.
    """
    key = list(table.primary_key.columns)
    if engine.dialect.name == "sqlite":
        insert = sqlite_insert(table)
        return insert.on_conflict_do_update(index_elements=key, set_=dict(resolve(table, insert.excluded)))
    insert_ = mariadb_insert(table)
    return insert_.on_duplicate_key_update(resolve(table, insert_.inserted))


# Spelt out, as PyMySQL joins many rows into one statement only where all parameters are in the row.
_NO_TEXT: Final = literal_column("''", Text)
_ZERO, _PHASES = (literal_column(str(number), BigInteger) for number in (0, PHASES))


def _later_wins(table: Table, new: Any) -> list[tuple[str, Any]]:
    """Of two reports about one task: see `celery_sqs.monitor.report.merged`."""
    old = table.c
    is_later = new.version >= old.version
    receives = new.version // _PHASES, old.version // _PHASES
    of_two_receives = and_(receives[0] != receives[1], receives[0] > _ZERO, receives[1] > _ZERO)

    def resolved(column: Column[Any]) -> Any:
        ours = new[column.name]
        if column.name == "changed_at":
            return ours
        if isinstance(column.type, Text) and not column.nullable:
            return case((ours != _NO_TEXT, ours), else_=column)
        filled = case((is_later, func.coalesce(ours, column)), else_=func.coalesce(column, ours))
        if column.name not in OF_ONE_RECEIVE:
            return filled
        return case((of_two_receives, case((is_later, ours), else_=column)), else_=filled)

    others = [(column.name, resolved(column)) for column in old if column.name not in {"task_id", "version"}]
    return [*others, ("version", case((is_later, new.version), else_=old.version))]


def _sum(table: Table, new: Any) -> list[tuple[str, Any]]:
    return [("count", table.c["count"] + new["count"])]


def _replace(table: Table, new: Any) -> list[tuple[str, Any]]:
    return [(column.name, new[column.name]) for column in table.c if not column.primary_key]
