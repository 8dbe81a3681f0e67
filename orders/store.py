"""The store: where orders are written exactly once, and read back.

Every write is idempotent, so whoever is unsure may repeat it.
"""

import collections
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, delete, func, or_, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from orders.attempt import BEGUN, NOT_RETRYABLE, AttemptCount, FailedAttempt, attempt_of
from orders.ends import STORED, ends
from orders.faults import is_lock_wait
from orders.missing.missing_orders import MissingOrders
from orders.outages import locks, probe
from orders.outages.deadline import within
from orders.outcome import Arrival, Outcome, Position, StoredOrder
from orders.tables import MAX_NAME, MAX_TEXT, attempts, orders
from orders.text import storable
from orders.transaction import TRANSACTION_TIMEOUT, transaction
from orders.writing.new_rows import NewRows
from orders.writing.rows import insert_or_keep, outcome, persisted, to_row, to_stored

T = TypeVar("T")


class OrderStore:
    """Orders and failed attempts in a database.

    Args:
        engine: from `orders.database.connect`.

    Attributes:
        missing: the list of orders that are missing.

    Every method raises SQLAlchemy's errors; `orders.faults.is_outage` says which of them are the database's.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.missing = MissingOrders(engine)
        dialect = engine.dialect.name
        self._keep_orders = insert_or_keep(dialect, orders.c.order_id).returning(orders)
        self._new_rows = NewRows(engine.dialect)
        self._keep_attempt = insert_or_keep(dialect, attempts.c.message_id, attempts.c.receive_count)

    def persist(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        """Write orders in one transaction; say for each what became of it.

        Nearly always none of them is there, and a plain insert says so by succeeding. Where it clashes, another
        statement writes them, and answers with the row that stands under each id afterwards, new or old. An
        equal one means done, another one a conflict; neither changes the row. Orders whose ids another
        transaction holds locked hold up no others: they are found, and the others are written.
        """
        if not arrivals:
            return []
        now = datetime.now(UTC)
        # One order of locking for all workers, so that two batches with the same ids do not deadlock.
        rows = sorted((to_row(arrival, now) for arrival in arrivals), key=lambda row: str(row["order_id"]))
        try:
            with within(TRANSACTION_TIMEOUT):
                if self._are_new(rows):
                    return [persisted(arrival, now) for arrival in arrivals]
                returned = self._transaction(lambda connection: self._write(connection, rows))
        except DBAPIError as error:
            if not is_lock_wait(error):
                raise
            returned = self._write_around_locks(rows, error)
        stored = {row.order_id: to_stored(row) for row in returned}
        return [outcome(arrival, stored.get(str(arrival.order.order_id))) for arrival in arrivals]

    def _are_new(self, rows: Sequence[dict[str, Any]]) -> bool:
        """Write the rows if none of them is there; says whether that is so."""
        try:
            self._transaction(lambda connection: self._new_rows.insert(connection, rows))
        except IntegrityError:
            return False
        return True

    def _write_around_locks(self, rows: Sequence[dict[str, Any]], lock_wait: DBAPIError) -> Sequence[Row[Any]]:
        returned = locks.write_around(self._engine, self._write, rows)
        locked = {row["order_id"] for row in rows} - {row.order_id for row in returned}
        # A lock on the table stops the probe, too. One on some of its rows does not.
        if locked and not self.writable():
            raise lock_wait
        return returned

    def _write(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> Sequence[Row[Any]]:
        return connection.execute(self._keep_orders, rows).all()

    def get(self, order_id: UUID) -> StoredOrder | None:
        """The order under an id, or None."""
        row = self._first(select(orders).where(orders.c.order_id == str(order_id)))
        return None if row is None else to_stored(row)

    def get_many(self, order_ids: Sequence[UUID]) -> dict[UUID, StoredOrder]:
        """Those of the orders that are there, by id; up to a thousand at once."""
        query = select(orders).where(orders.c.order_id.in_([str(order_id) for order_id in order_ids]))
        rows = self._transaction(lambda connection: connection.execute(query).all())
        return {UUID(row.order_id): to_stored(row) for row in rows}

    def ends(self, order_ids: Sequence[UUID]) -> dict[UUID, StoredOrder | int]:
        """Those of the orders that are stored or had a final attempt: the row, or the number of the last such attempt.

        It is one statement as long as none of them is stored, and then another one; up to a few thousand at once.
        """
        found = self._transaction(lambda connection: ends(connection, order_ids))
        stored = [order_id for order_id, end in found.items() if end == STORED]
        return {**found, **(self.get_many(stored) if stored else {})}

    def newest(self, user_id: int, limit: int, behind: Position | None = None) -> list[StoredOrder]:
        """Up to `limit` orders of a user, newest first, starting just behind a position."""
        query = select(orders).where(orders.c.user_id == user_id)
        if behind is not None:
            query = query.where(
                or_(
                    orders.c.accepted_at < behind.accepted_at,
                    and_(
                        orders.c.accepted_at == behind.accepted_at,
                        orders.c.order_id < str(behind.order_id),
                    ),
                )
            )
        query = query.order_by(orders.c.accepted_at.desc(), orders.c.order_id.desc()).limit(limit)
        return [to_stored(row) for row in self._transaction(lambda connection: connection.execute(query).all())]

    def record_attempt(self, attempt: FailedAttempt) -> None:
        """Keep a failed attempt, its texts cut to the length of the columns.

        A message's receive is kept once: recorded again, the first row stands, unless it only says that it began.
        """
        row = {
            "order_id": None if attempt.order_id is None else str(attempt.order_id),
            "task": storable(attempt.task[:MAX_NAME]),
            "task_id": storable(attempt.task_id[:MAX_NAME]),
            "message_id": storable(attempt.message_id[:MAX_NAME]),
            "kind": attempt.kind,
            "error_class": storable(attempt.error_class[:MAX_NAME]),
            "message": storable(attempt.message[:MAX_TEXT]),
            "traceback": storable(attempt.traceback[-MAX_TEXT:]),
            "receive_count": attempt.receive_count,
            "worker": storable(attempt.worker[:MAX_NAME]),
            "final": attempt.final,
            "failed_at": attempt.failed_at,
            "next_visible_at": attempt.next_visible_at,
        }
        begun = _begun(str(row["message_id"]), attempt.receive_count)

        def keep(connection: Connection) -> None:
            connection.execute(delete(attempts).where(begun))
            connection.execute(self._keep_attempt, row)

        self._transaction(keep)

    def withdraw_attempt(self, message_id: str, receive_count: int) -> None:
        """Forget an attempt that has begun and has not failed."""
        query = delete(attempts).where(_begun(message_id, receive_count))
        self._transaction(lambda connection: connection.execute(query))

    def returned(self, max_attempts: Mapping[str, int]) -> dict[str, tuple[dict[int, datetime], int | None]]:
        """When attempts at each message failed, by receive count, and at which receive one of them began and was lost.

        Whoever asks has the message in hand, so an attempt that has begun and has no outcome is lost: its kind is
        changed, and it is final where it is the last of those that are allowed.
        """
        columns = attempts.c.message_id, attempts.c.receive_count, attempts.c.kind, attempts.c.failed_at
        query = select(*columns).where(attempts.c.message_id.in_(max_attempts))

        def look(connection: Connection) -> dict[str, tuple[dict[int, datetime], int | None]]:
            rows = connection.execute(query).all()
            failed: dict[str, dict[int, datetime]] = collections.defaultdict(dict)
            for row in rows:
                failed[row.message_id][row.receive_count] = row.failed_at
            lost = {row.message_id: row.receive_count for row in rows if row.kind == BEGUN}
            for message_id, receive_count in lost.items():
                outcome = {"kind": "lost", "final": len(failed[message_id]) >= max_attempts[message_id]}
                connection.execute(update(attempts).where(_begun(message_id, receive_count)).values(outcome))
            return {message_id: (receives, lost.get(message_id)) for message_id, receives in failed.items()}

        return self._transaction(look)

    def attempts_of(self, order_id: UUID) -> list[FailedAttempt]:
        """The failed attempts at an order, oldest first."""
        return self._attempts(attempts.c.order_id == str(order_id))

    def attempts_of_task(self, task_id: str) -> list[FailedAttempt]:
        """The failed attempts at a task, oldest first."""
        return self._attempts(attempts.c.task_id == task_id)

    def last_attempts(self, message_ids: Sequence[str]) -> dict[str, FailedAttempt]:
        """The last failed attempt at each of these messages, where one is on record; up to 500 at once."""
        last = (
            select(attempts.c.message_id, func.max(attempts.c.receive_count).label("receive_count"))
            .where(attempts.c.message_id.in_(message_ids))
            .group_by(attempts.c.message_id)
            .subquery()
        )
        is_last = and_(attempts.c.message_id == last.c.message_id, attempts.c.receive_count == last.c.receive_count)
        found = self._read_attempts(select(attempts).join(last, is_last))
        return {attempt.message_id: attempt for attempt in found}

    def count_attempts(self, message_ids: Sequence[str]) -> dict[str, AttemptCount]:
        """How many attempts at each of these messages are on record, where there are any; up to 500 at once."""
        columns = attempts.c
        is_over = func.max(or_(columns.final, columns.kind.in_(NOT_RETRYABLE)))
        query = select(columns.message_id, func.count(), is_over, func.max(columns.receive_count))
        query = query.where(columns.message_id.in_(message_ids)).group_by(columns.message_id)
        rows = self._transaction(lambda connection: connection.execute(query).all())
        return {message_id: AttemptCount(count, bool(over), last) for message_id, count, over, last in rows}

    def reachable(self) -> bool:
        """Whether the database answers and its tables are there."""
        try:
            self._first(select(orders.c.order_id).limit(1))
        except SQLAlchemyError:
            return False
        return True

    def writable(self) -> bool:
        """Whether orders could be written now: see `orders.outages.probe`."""
        return probe.writable(self._engine, self._keep_orders, self._keep_attempt)

    def _attempts(self, condition: ColumnElement[bool]) -> list[FailedAttempt]:
        return self._read_attempts(select(attempts).where(condition).order_by(attempts.c.id))

    def _read_attempts(self, query: Select[Any]) -> list[FailedAttempt]:
        return [attempt_of(row) for row in self._transaction(lambda connection: connection.execute(query).all())]

    def _first(self, query: Select[Any]) -> Row[Any] | None:
        return self._transaction(lambda connection: connection.execute(query).first())

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        return transaction(self._engine, work)


def _begun(message_id: str, receive_count: int) -> ColumnElement[bool]:
    """Which attempt at a message has begun at a receive, and has no outcome."""
    return and_(
        attempts.c.message_id == message_id, attempts.c.receive_count == receive_count, attempts.c.kind == BEGUN
    )
