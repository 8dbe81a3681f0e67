"""Waiting until orders are stored or dead: one statement for all that wait in a process, a few times a second."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import ClassVar, Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from orders.outages.deadline import within
from orders.outcome import StoredOrder
from orders.store import OrderStore

logger = structlog.stdlib.get_logger(__name__)

#: Seconds that a request waits at the most.
LONGEST: Final = 30

#: Seconds between two rounds.
EVERY: Final = 0.2

#: Seconds that a round may take: a process that stops answers all that wait after one round.
ROUND_TIMEOUT: Final = 1.0

NOT_APPLIED: Final = Counter(
    "order_waits_refused", "Requests with Prefer: wait that did not wait: too many others did."
)


class WaitRefused(Exception):
    """No more requests may wait in this process now."""


class _Waiter:
    """A request that waits for an order.

    Attributes:
        seen: the end that it knows of already.
        end: the one that it has waited for.
        over: whether it need wait no longer.
    """

    def __init__(self, seen: StoredOrder | int | None) -> None:
        self.seen = seen
        self.end: StoredOrder | int | None = None
        self.over = threading.Event()


class Waits:
    """The requests that wait for orders, and what asks for them.

    A thread asks as long as anybody waits. An outage of the database ends no wait.

    Args:
        store: has the orders.
        limit: requests that may wait at the same time.
        longest: seconds that one may wait.
    """

    NAME: ClassVar = "order-intake-waits"

    def __init__(self, store: OrderStore, limit: int, longest: float = LONGEST) -> None:
        self.longest = longest
        self._store = store
        self._limit = limit
        self._lock = threading.Lock()
        self._waiters: dict[_Waiter, UUID] = {}
        self._thread: threading.Thread | None = None
        self._is_draining: Callable[[], bool] = lambda: False
        self._last_error = ""

    def drain_when(self, is_draining: Callable[[], bool]) -> None:
        """End all waits, and begin none, once this is so; it is asked in each round."""
        self._is_draining = is_draining

    def wait(self, order_id: UUID, seconds: float, seen: StoredOrder | int | None = None) -> StoredOrder | int | None:
        """The end that an order comes to within some seconds: its row, or the number of the attempt that it died of.

        Args:
            order_id: the order.
            seconds: how long to wait; `longest` at the most.
            seen: an end that was returned before: an order that is dead may be sent again.

        Returns:
            None: nothing else has become of it, or the process is about to end.

        Raises:
            WaitRefused: too many wait, or the process is about to end.
        """
        waiter = _Waiter(seen)
        with self._joined(waiter, order_id):
            waiter.over.wait(min(seconds, self.longest))
        return waiter.end

    @contextlib.contextmanager
    def _joined(self, waiter: _Waiter, order_id: UUID) -> Iterator[None]:
        with self._lock:
            if self._is_draining():
                raise WaitRefused("the process is about to end")
            if len(self._waiters) >= self._limit:
                NOT_APPLIED.inc()
                raise WaitRefused(f"{self._limit} wait already")
            self._waiters[waiter] = order_id
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="waits", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._waiters[waiter]

    def _run(self) -> None:
        while True:
            time.sleep(EVERY)
            with self._lock:
                waiters = dict(self._waiters)
                if not waiters:
                    self._thread = None
                    return
            if self._is_draining():
                for waiter in waiters:
                    waiter.over.set()
            else:
                self._round(waiters)

    def _round(self, waiters: dict[_Waiter, UUID]) -> None:
        try:
            with within(ROUND_TIMEOUT):
                ends = self._store.ends(list(set(waiters.values())))
        # The database is away, or whatever else: there is a next round, and each request has its own time limit.
        except Exception as error:
            error_text = f"{type(error).__name__}: {error}"
            if error_text != self._last_error:
                logger.warning(
                    "what has become of orders that requests wait for is not known",
                    waiting=len(waiters),
                    error=error_text,
                )
            self._last_error = error_text
            return
        self._last_error = ""
        for waiter, order_id in waiters.items():
            end = ends.get(order_id)
            if end is not None and end != waiter.seen:
                waiter.end = end
                waiter.over.set()
