"""A storm's journal: what happened when, and what should not have."""

import threading
import time
from pathlib import Path


class Journal:
    """Lines with times in a file. Safe to write from many threads.

    Attributes:
        path: the file.
        objections: what should not have happened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objections: list[str] = []
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def begin(self) -> None:
        """Count the seconds from now."""
        self._began = time.monotonic()

    def note(self, text: str) -> None:
        """Something has happened."""
        with self._lock, self.path.open("a") as file:
            file.write(f"{time.monotonic() - self._began:6.1f} s  {time.strftime('%X')}  {text}\n")

    def object(self, text: str) -> None:
        """Something has happened that should not have."""
        self.objections.append(text)
        self.note(f"OBJECTION: {text}")
