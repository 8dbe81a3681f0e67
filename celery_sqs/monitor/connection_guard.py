"""Keeps a thread that works on the database alive while that is away, and logs once when it goes and comes back."""

import contextlib
import logging
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError


class ConnectionGuard:
    """Catches what the work of an endless thread raises.

    Args:
        logger: the thread's.
        work: what is left out while it fails, as the log names it: "answers to remote control".
    """

    def __init__(self, logger: logging.Logger, work: str) -> None:
        self._logger = logger
        self._work = work
        self._is_failing = False

    @contextlib.contextmanager
    def suppress_errors(self) -> Iterator[None]:
        """Leave out what fails. The next time it may succeed."""
        try:
            yield
        # Nothing starts the thread again, so it has to outlive unforeseen errors, too.
        except Exception as error:
            if not self._is_failing:
                unforeseen = not isinstance(error, SQLAlchemyError)
                self._logger.warning("no %s for now: %r", self._work, error, exc_info=unforeseen)
            self._is_failing = True
        else:
            if self._is_failing:
                self._logger.warning("%s again", self._work)
            self._is_failing = False
