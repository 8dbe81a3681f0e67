"""How many conflicting orders of one user go to the DLQ: a user who repeats a key with other orders cannot fill it."""

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from celery_sqs import Call
from orders.attempt import CONFLICT, FailedAttempt
from orders.outcome import Outcome
from orders.store import OrderStore

logger = structlog.stdlib.get_logger(__name__)

#: Conflicting messages of a user that a process lets die in each `WINDOW`.
DEAD_PER_USER: Final = 100

WINDOW: Final = 3600.0  # seconds


class ConflictLimit:
    """Says which conflicting messages are too many.

    Args:
        dead_per_user: how many messages of a user are not, in each `WINDOW`.
        clock: seconds.
    """

    def __init__(self, dead_per_user: int = DEAD_PER_USER, clock: Callable[[], float] = time.monotonic) -> None:
        self._dead_per_user = dead_per_user
        self._clock = clock
        self._began_at = clock()
        self._dead: defaultdict[int, set[str]] = defaultdict(set)

    def exceeded_by(self, user_id: int, task_id: str) -> bool:
        """Whether a message of a user is one too many; the next attempt at one that is not is none, either."""
        if self._clock() - self._began_at >= WINDOW:
            self._began_at = self._clock()
            self._dead.clear()
        dead = self._dead[user_id]
        if task_id not in dead and len(dead) >= self._dead_per_user:
            return True
        dead.add(task_id)
        return False


def record(store: OrderStore, outcome: Outcome, call: Call, task: str, error: Exception) -> None:
    """Keep what a conflicting message spells among the attempts, in place of the message.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it is not on record.
    """
    now, order_id = datetime.now(UTC), outcome.arrival.order.order_id
    store.record_attempt(
        FailedAttempt(
            order_id=order_id,
            task=task,
            task_id=call.id,
            message_id=call.message_id,
            kind=CONFLICT,
            error_class=type(error).__name__,
            message=str(error),
            traceback="",
            receive_count=call.receive_count,
            worker=call.worker,
            final=False,
            failed_at=now,
            next_visible_at=now,
        )
    )
    logger.warning("conflicting order recorded, and its message deleted", order_id=str(order_id), task_id=call.id)
