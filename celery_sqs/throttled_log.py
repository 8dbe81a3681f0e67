"""Log lines for what may happen a thousand times a second, or for days: one in a while, with how often it happened."""

import logging
from collections import Counter
from collections.abc import Hashable
from typing import Final

from celery_sqs import system

#: Seconds between two lines of the same kind.
INTERVAL: Final = 10.0

#: The same for a fault that lasts, such as SQS out of reach: it is not forgotten, and fills no log.
REMINDER: Final = 300.0

#: Kinds with lines of their own; all others share one. Codes of errors come from elsewhere, and may be anything.
MAX_KINDS: Final = 20


class ThrottledLog:
    """Logs the first event of each kind, and then one line for all of that kind since the last line.

    Args:
        logger: where to.
        text: what happens; the number and the latest detail are added.
        interval: seconds between two lines of the same kind.
    """

    def __init__(self, logger: logging.Logger, text: str, interval: float = INTERVAL) -> None:
        self._logger = logger
        self._text = text
        self._interval = interval
        self._lock = system.threading.Lock()
        self._counts: Counter[Hashable] = Counter()
        self._logged_at: dict[Hashable, float] = {}

    def warning(self, detail: str, kind: Hashable = "", error: BaseException | None = None) -> None:
        """Count an event, and log a line if none of its kind has been logged lately.

        Args:
            detail: what a line says of it.
            kind: what makes it another than the last one.
            error: whose traceback is worth a look.
        """
        self._add(logging.WARNING, detail, kind, error)

    def error(self, detail: str, kind: Hashable = "", error: BaseException | None = None) -> None:
        """The same, as an error."""
        self._add(logging.ERROR, detail, kind, error)

    def end(self) -> bool:
        """The series is over: whatever comes next is its kind's first. Says whether there was one."""
        with self._lock:
            began = bool(self._logged_at)
            self._counts.clear()
            self._logged_at.clear()
            return began

    def _add(self, level: int, detail: str, kind: Hashable, error: BaseException | None) -> None:
        with self._lock:
            if kind not in self._logged_at and len(self._logged_at) >= MAX_KINDS:
                kind = ""
            self._counts[kind] += 1
            now = system.time.monotonic()
            if now - self._logged_at.get(kind, float("-inf")) < self._interval:
                return
            count = self._counts.pop(kind)
            self._logged_at[kind] = now
        text = "%s (%d since the last line): %s"
        self._logger.log(level, text, self._text, count, detail, exc_info=error)


def kind_of(error: BaseException) -> Hashable:
    """What makes two errors one kind, whatever their texts: class, class of the cause, and what SQS calls it."""
    return type(error), type(error.__cause__), getattr(error, "status", None), getattr(error, "code", None)
