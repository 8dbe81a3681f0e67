"""A transaction that is run again when it merely clashed with another, and never takes long."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from orders.faults import is_transient
from orders.outages.deadline import within

T = TypeVar("T")

#: Seconds that all of it may take, connecting and repeating included. A task whose transaction gets no answer is run
#: three times before its order is to blame, and asks the probe in between: all of that is below its soft time limit.
TRANSACTION_TIMEOUT: Final = 4.0

#: Seconds from the beginning after which nothing is tried again. A clash ends within milliseconds. What takes longer,
#: such as a table lock, may be an outage, which is for the caller to wait for.
DEADLINE: Final = 2.0

PAUSE: Final = 0.05  # seconds before the second try, at the most; doubles from there


def transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run work in a transaction and return what it returns; again, within `DEADLINE`, after a clash.

    It ends within `TRANSACTION_TIMEOUT`.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: whatever went wrong the last time.
        Exception: what `work` raised of its own, such as Celery's SoftTimeLimitExceeded.
    """
    with within(TRANSACTION_TIMEOUT):
        return _repeated(engine, work)


def _repeated(engine: Engine, work: Callable[[Connection], T]) -> T:
    deadline, pause, lost = time.monotonic() + DEADLINE, PAUSE, False
    while True:
        try:
            return _once(engine, work)
        except DBAPIError as error:
            # A pooled connection may have died since it was last used, and all the others of the pool with it. The next
            # one is new: if that is lost, too, it is not for its age.
            again = is_transient(error) or (error.connection_invalidated and not lost)
            lost = lost or error.connection_invalidated
            if not again or time.monotonic() + pause > deadline:
                raise
        time.sleep(random.uniform(0, pause))
        pause *= 2


def _once(engine: Engine, work: Callable[[Connection], T]) -> T:
    raised: Exception | None = None
    try:
        with engine.begin() as connection:
            try:
                return work(connection)
            except Exception as error:
                raised = error
                raise
    except DBAPIError:
        # A time limit interrupts a statement and leaves a connection that cannot roll back, which is not the cause.
        if raised is not None and not isinstance(raised, DBAPIError):
            raise raised from None
        raise
