"""What the tables cost when they are large, beside empty ones on the same server, in turns."""

import itertools
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import psutil
from sqlalchemy import Engine, event, text

from app.reconciliation import Reconciler, Records
from celery_sqs.dlq import DeadMessages
from celery_sqs.monitor import EventReader
from celery_sqs.monitor.housekeeping.purge import purge
from celery_sqs.monitor.task_events import to_row
from celery_sqs.monitor.task_states import TaskStates
from orders.order import Order
from orders.outcome import Arrival, Position
from orders.store import OrderStore
from tasks.orders import PERSIST_ORDER

BATCH: Final = 100  # orders of one statement of a worker
EVENTS: Final = 1000  # tasks of one write of the event writer
RETENTION: Final = timedelta(days=7)

_REPETITIONS: Final = 9
_PAGE: Final = 4500  # as app/reconciliation/records.py reads them
_MS: Final = 1000

Figures = dict[str, float]


class Server:
    """The database server's own CPU time.

    Args:
        engine: of a database on it.
    """

    def __init__(self, engine: Engine) -> None:
        with engine.connect() as connection:
            pid_file = Path(connection.scalar(text("SELECT @@pid_file")) or "")
        self._process = psutil.Process(int(pid_file.read_text()))

    def seconds(self) -> float:
        """User and system time so far."""
        return float(sum(self._process.cpu_times()[:2]))


def inserts(engines: dict[str, Engine], seconds: float, turns: int) -> dict[str, Figures]:
    """Rows per second, and the server's CPU for each, of a worker's two hot inserts."""
    work = {
        (what, name): make(engine)
        for name, engine in engines.items()
        for what, make in {"orders": _persisting, "task events": _reporting}.items()
    }
    found: dict[str, list[Figures]] = {}
    for _ in range(turns):
        for (what, name), write in work.items():
            server, began, rows = Server(engines[name]), time.monotonic(), 0
            used = server.seconds()
            while time.monotonic() - began < seconds:
                rows += write()
            figures = {
                "rows/s": rows / (time.monotonic() - began),
                "server's CPU, us a row": (server.seconds() - used) / rows * _MS * _MS,
            }
            found.setdefault(f"{what}, {name}", []).append(figures)
    return {
        which: {key: statistics.median(each[key] for each in all_) for key in all_[0]} for which, all_ in found.items()
    }


def queries(engines: dict[str, Engine], key: tuple[str, datetime, int]) -> dict[str, Figures]:
    """Milliseconds of what pages, lists and look-ups ask: the median, and the most.

    Args:
        engines: of the databases, by what they are called.
        key: id, instant and user of an order that the large tables have.
    """
    found = {}
    for name, engine in engines.items():
        for what, ask in _questions(engine, *key).items():
            took = []
            for _ in range(_REPETITIONS):
                began = time.monotonic()
                ask()
                took.append((time.monotonic() - began) * _MS)
            found[f"{what}, {name}"] = {"median ms": statistics.median(took), "most ms": max(took)}
    return found


def _questions(engine: Engine, order_id: str, at: datetime, user_id: int) -> dict[str, Callable[[], Any]]:
    store, events = OrderStore(engine), EventReader(engine)
    behind = Position(accepted_at=at, order_id=UUID(order_id))
    since, until = at - timedelta(hours=1), at
    return {
        "an order": lambda: store.get(UUID(order_id)),
        "an order that is not there": lambda: store.get(uuid4()),
        "900 orders": lambda: store.get_many([UUID(order_id), *(uuid4() for _ in range(899))]),
        "a user's newest 50": lambda: store.newest(user_id, 51),
        "the page behind": lambda: store.newest(user_id, 51, behind),
        "a task": lambda: events.task(order_id),
        "the tasks of an order": lambda: events.tasks_of(order_id),
        "the next 1000 changes": lambda: events.changed_since(at, 1000),
        "the oldest unfinished call": lambda: events.oldest_unfinished(None),
        "4500 accepted orders of an hour": lambda: events.subjects_sent(PERSIST_ORDER, since, until, None, _PAGE),
        "4500 orders without an end": lambda: events.subjects_unaccounted(PERSIST_ORDER, until, None, _PAGE),
        "counts of an hour": lambda: events.counts_per_minute(None, since),
    }


def purging(engine: Engine, seconds: float) -> Figures:
    """How fast events that are older than they are kept are deleted, and how long a statement takes."""
    server, began = Server(engine), time.monotonic()
    used = server.seconds()
    with _timed(engine) as took:
        deleted = purge(engine, datetime.now(UTC) - RETENTION, lambda: time.monotonic() - began < seconds)
    return {
        "rows": deleted,
        "rows/s": deleted / (time.monotonic() - began),
        "server's CPU, us a row": (server.seconds() - used) / max(deleted, 1) * _MS * _MS,
        "longest statement, ms": max(took) * _MS,
        "median statement, ms": statistics.median(took) * _MS,
    }


def reconciling(engine: Engine, until: datetime) -> Figures:
    """What `flask orders reconcile` takes for an hour."""
    store = OrderStore(engine)
    reconciler = Reconciler(Records(EventReader(engine), DeadMessages(engine), store), store)
    began = time.monotonic()
    with _timed(engine) as took:
        found = reconciler.reconcile(until - timedelta(hours=1), until)
    return {
        "orders": found.accepted,
        "seconds": time.monotonic() - began,
        "statements": len(took),
        "longest statement, ms": max(took) * _MS,
    }


@contextmanager
def _timed(engine: Engine) -> Iterator[list[float]]:
    """The seconds of each statement within a block."""
    took: list[float] = []
    began = [0.0]

    def before(*_: Any) -> None:
        began[0] = time.monotonic()

    def after(*_: Any) -> None:
        took.append(time.monotonic() - began[0])

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    try:
        yield took
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "after_cursor_execute", after)


def _persisting(engine: Engine) -> Callable[[], int]:
    store = OrderStore(engine)

    def write() -> int:
        now = datetime.now(UTC)
        orders = [
            Order(order_id=uuid4(), user_id=uuid4().int % 1_000_000 + 1, product_name="Widget", quantity=2,
                  total_price=Decimal("99.90"), timestamp=now)
            for _ in range(BATCH)
        ]  # fmt: skip
        store.persist([Arrival(order=order, task_id=str(order.order_id), attempts=1, worker="w@h") for order in orders])
        return BATCH

    return write


def _reporting(engine: Engine) -> Callable[[], int]:
    states, numbers = TaskStates(engine), itertools.count()

    def write() -> int:
        fields = {"name": PERSIST_ORDER, "receive_count": 1, "sent_at": time.time(), "args": "x" * 190}
        rows = []
        for _ in range(EVENTS):
            task_id = str(uuid4())
            rows.append(to_row("task-succeeded", time.time(), "w@h", fields | {"uuid": task_id, "subject": task_id}))
        states.write(
            rows, Counter({(datetime.now(UTC).replace(second=0, microsecond=0), PERSIST_ORDER, "sent"): next(numbers)})
        )
        return EVENTS

    return write
