"""A transaction that is run again when it merely clashed with another."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from orders.faults import is_transient

T = TypeVar("T")

TRIES: Final = 4  # the first one included
PAUSE: Final = 0.05  # seconds before the second try, at the most; doubles from there


def transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run work in a transaction and return what it returns; again, a few times, after a clash.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: whatever went wrong the last time.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with engine.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            # A pooled connection may have died since it was last used; the next one is new.
            if not tries_left or not (is_transient(error) or error.connection_invalidated):
                raise
        time.sleep(random.uniform(0, PAUSE * 2 ** (TRIES - 1 - tries_left)))
    raise AssertionError("unreachable: the last try returns or raises")
