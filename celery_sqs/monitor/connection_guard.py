"""Lets an endless loop go on while the database is away, and logs when it goes, why, and when it comes back."""

import contextlib
import logging
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from celery_sqs.throttled_log import REMINDER, ThrottledLog, kind_of


class ConnectionGuard:
    """Catches what the work of an endless loop raises.

    Args:
        logger: the thread's.
        work: what is left out while it fails, as the log names it: "answers to remote control".
    """

    def __init__(self, logger: logging.Logger, work: str) -> None:
        self._logger = logger
        self._work = work
        self._failing = ThrottledLog(logger, f"no {work} for now", REMINDER)

    @contextlib.contextmanager
    def suppress_errors(self) -> Iterator[None]:
        """Leave out what fails. The next time it may succeed."""
        try:
            yield
        except Exception as error:
            self._failing.warning(repr(error), kind_of(error), None if isinstance(error, SQLAlchemyError) else error)
        else:
            if self._failing.end():
                self._logger.warning("%s again", self._work)
