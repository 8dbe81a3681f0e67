"""Messages by a time, the earliest first."""

import heapq
from collections.abc import Callable, Iterator
from typing import Final

from tests.simulation.sqs.message import Message

_SMALL: Final = 1000  # entries that are never looked through for obsolete ones


class Timeline:
    """Messages by a time that may change: an entry is obsolete once its message has another time, or none.

    Args:
        time_of: a message's time now; None: it has none any more.
    """

    def __init__(self, time_of: Callable[[Message], float | None]) -> None:
        self._time_of = time_of
        self._entries: list[tuple[float, int, Message]] = []
        self._most = _SMALL

    def add(self, message: Message) -> None:
        """Add a message, which has a time, or has another one."""
        at = self._time_of(message)
        assert at is not None
        heapq.heappush(self._entries, (at, message.number, message))
        if len(self._entries) > self._most:
            self._entries = [entry for entry in self._entries if self._is_current(entry)]
            heapq.heapify(self._entries)
            self._most = max(_SMALL, 2 * len(self._entries))

    def until(self, now: float) -> Iterator[Message]:
        """Remove those whose time has come."""
        while self._entries and self._entries[0][0] <= now:
            entry = heapq.heappop(self._entries)
            if self._is_current(entry):
                yield entry[2]

    def first(self) -> float | None:
        """The earliest time; None without any."""
        while self._entries and not self._is_current(self._entries[0]):
            heapq.heappop(self._entries)
        return self._entries[0][0] if self._entries else None

    def _is_current(self, entry: tuple[float, int, Message]) -> bool:
        return self._time_of(entry[2]) == entry[0]
