"""The history of a run: what happened when, and what should not have happened."""

import threading
import time
from collections import Counter
from pathlib import Path


class History:
    """Events with their times, in a file. Safe to write from many threads.

    Attributes:
        path: the file.
        violations: what should not have happened.
        effects: how often a fault had some effect, by the effect: that it was injected is no proof that it hit.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.violations: list[str] = []
        self.effects: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._started_at = time.monotonic()

    def start_clock(self) -> None:
        """Count the seconds from now."""
        self._started_at = time.monotonic()

    def record(self, event: str) -> None:
        """Something has happened."""
        with self._lock, self.path.open("a") as file:
            file.write(f"{time.monotonic() - self._started_at:6.1f} s  {time.strftime('%X')}  {event}\n")

    def count(self, effect: str, number: int = 1) -> None:
        """A fault has had an effect."""
        with self._lock:
            self.effects[effect] += number

    def record_violation(self, event: str) -> None:
        """Something has happened that should not have."""
        self.violations.append(event)
        self.record(f"VIOLATION: {event}")
