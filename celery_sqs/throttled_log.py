"""A log line for what may happen a thousand times a second: at most one in ten seconds, with how often it happened."""

import logging
import threading
import time
from typing import Final

#: Seconds between two lines.
INTERVAL: Final = 10.0


class ThrottledLog:
    """Logs the first event, and then one line for all since the last line.

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
        self._logged_at = float("-inf")

    def warning(self, detail: str) -> None:
        """Count an event, and log a line if none has been logged lately."""
        with self._lock:
            self._count += 1
            now = time.monotonic()
            if now - self._logged_at < self._interval:
                return
            count, self._count, self._logged_at = self._count, 0, now
        self._logger.warning("%s (%d since the last line): %s", self._text, count, detail)
