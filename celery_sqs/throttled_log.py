"""A log line for what may happen a thousand times a second, said once in a while with how often it was."""

import logging
import threading
import time
from typing import Final

#: Seconds between two lines.
INTERVAL: Final = 10.0


class ThrottledLog:
    """Says the first time, and then sums up.

    Args:
        logger: where to.
        text: what happens; the number and the latest detail are added.
        interval: seconds between two lines.
    """

    def __init__(self, logger: logging.Logger, text: str, interval: float = INTERVAL) -> None:
        self._logger = logger
        self._text = text
        self._interval = interval
        self._lock = threading.Lock()
        self._count = 0
        self._said_at = float("-inf")

    def tell(self, detail: str) -> None:
        """It has happened."""
        with self._lock:
            self._count += 1
            now = time.monotonic()
            if now - self._said_at < self._interval:
                return
            count, self._count, self._said_at = self._count, 0, now
        self._logger.warning("%s (%d since last said): %s", self._text, count, detail)
