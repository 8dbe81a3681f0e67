"""One look-up of the order under an id, which costs a request 50 ms at the most, whatever the database does."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from orders.outcome import StoredOrder
from orders.store import OrderStore

#: Seconds that a request waits for the answer.
DEADLINE: Final = 0.05

#: Seconds without look-ups after one that failed or was late: an outage costs no 50 ms for each request.
PAUSE: Final = 1.0

#: Look-ups at the same time, each with a connection of the pool. A late one holds its own until its transaction ends.
CONCURRENT: Final = 4


class Unanswered(Exception):
    """The database was not asked, or did not answer in time."""


class LookUp:
    """Asks on threads of its own: connecting, a name server, the pool or a lock may take longer than a request waits.

    Args:
        store: has the orders.
    """

    def __init__(self, store: OrderStore) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(CONCURRENT, "look-up")
        self._paused_until = 0.0

    def stored(self, order_id: UUID) -> StoredOrder | None:
        """The order under an id, or None; within `DEADLINE`.

        Raises:
            Unanswered: it is not known.
        """
        if time.monotonic() < self._paused_until:
            raise Unanswered("the database did not answer just before")
        question = self._threads.submit(self._store.get, order_id)
        try:
            return question.result(DEADLINE)
        except (TimeoutError, SQLAlchemyError) as error:
            question.cancel()
            self._paused_until = time.monotonic() + PAUSE
            raise Unanswered(f"{type(error).__name__}: {error}") from error
