"""Whether a thread that looks into the database finds it, said once each time that changes."""

import contextlib
import logging
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError


class ConnectionGuard:
    """Keeps an endless thread alive, and its log short.

    Args:
        logger: where to.
        what: what is not done while there is no contact, as the log is to call it.
    """

    def __init__(self, logger: logging.Logger, what: str) -> None:
        self._logger = logger
        self._what = what
        self._is_lost = False

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Do something that may fail. It is left out then, and the next time it may go well."""
        try:
            yield
        # Without its thread nothing would go on, so it outlives errors nobody has thought of, too.
        except Exception as error:
            if not self._is_lost:
                unforeseen = not isinstance(error, SQLAlchemyError)
                self._logger.warning("no %s for now: %r", self._what, error, exc_info=unforeseen)
            self._is_lost = True
        else:
            if self._is_lost:
                self._logger.warning("%s again", self._what)
            self._is_lost = False
