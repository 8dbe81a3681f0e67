"""A worker's look at which queues are paused: with each poll for commands, and before it begins with anything.

It writes nothing, and an order costs no statement. While the database is away the last answer holds.
"""

from collections.abc import Callable, Collection

from celery_sqs import system
from celery_sqs.monitor.pauses import PauseStore


class PauseReader:
    """Has this worker pause what is paused.

    Args:
        store: where that is on record.
        pause: has the worker pause these queues and no others; called where that has changed.

    Attributes:
        has_answer: whether the database has said so once.
    """

    def __init__(self, store: PauseStore, pause: Callable[[Collection[str]], None]) -> None:
        self._store = store
        self._pause = pause
        self._known: frozenset[str] = frozenset()
        self.has_answer = system.threading.Event()

    def look(self) -> None:
        """Ask once; raises SQLAlchemy's errors."""
        queues = frozenset(self._store.current())
        if queues != self._known:
            self._known = queues
            self._pause(queues)
        self.has_answer.set()
