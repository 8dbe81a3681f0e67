"""Writing what the database takes apart from what it refuses, by halves.

A refusal is recognised by what happens: a change fails alone, and the next moment the database writes something else.
What its error is called says only how soon that is believed.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from celery_sqs import system
from celery_sqs.monitor.task_events import Row
from celery_sqs.monitor.task_states import CounterKey

#: Seconds that one call takes, at the most, and a statement more: a worker's own row has to be written in time, too.
TIME_LIMIT: Final = 10.0

#: Failures of a change on its own after which it counts as refused, where its error might also be the server's:
#: a lock, a connection that is gone. With the pauses between two flushes that is half a minute.
MAX_FAILURES: Final = 5

#: Characters of a driver's error in the log. It may quote the row.
_MAX_CAUSE: Final = 300


class Store(Protocol):
    """Where events are written: see `celery_sqs.monitor.task_states.TaskStates`."""

    def write(self, rows: Sequence[Row], counts: Counter[CounterKey], worker: Row | None = None) -> None:
        """Write rows of tasks, counts, and the row of a worker."""

    def can_write(self) -> bool:
        """Whether the tables can be written to at this moment."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is written or refused as a whole.

    Attributes:
        table: that it goes to.
        key: its key there.
        value: a row; of the table `task_minutes` the count.
    """

    table: str
    key: Any
    value: Any


class Refusals:
    """Writes changes of which some are refused.

    Args:
        store: where to.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failures: Counter[tuple[str, Any]] = Counter()

    def write(
        self,
        changes: Sequence[Change],
        written: Callable[[Sequence[Change]], None],
        refused: Callable[[Change, Exception], None],
    ) -> None:
        """Write changes that could not be written together.

        Halves that fail wait until all others have been tried, so a lock that holds one row up holds up no others.
        What is neither `written` nor `refused` afterwards is to be tried again.

        Args:
            changes: all of them.
            written: is called with those that have just been written.
            refused: is called with one that cannot be, and why.

        Raises:
            Exception: the store's, when it cannot write anything at the moment.
        """
        parts, deadline = deque([list(changes)]), system.time.monotonic() + TIME_LIMIT
        while parts and system.time.monotonic() < deadline:
            part = parts.popleft()
            try:
                self._write(part)
            # Whatever a driver raises; a value that it cannot even send is no error of the database's.
            except Exception as error:
                if not self._store.can_write():
                    raise
                if len(part) > 1:
                    middle = len(part) // 2
                    parts += [part[:middle], part[middle:]]
                elif self._is_refusal(part[0], error):
                    refused(part[0], error)
            else:
                self._forget(part)
                written(part)

    def _write(self, part: Sequence[Change]) -> None:
        rows = [change.value for change in part if change.table == "task_state"]
        counts = Counter({change.key: change.value for change in part if change.table == "task_minutes"})
        worker = next((change.value for change in part if change.table == "workers"), None)
        self._store.write(rows, counts, worker)

    def _is_refusal(self, change: Change, error: Exception) -> bool:
        self._failures[change.table, change.key] += 1
        sure = not isinstance(error, DBAPIError) or isinstance(error, DataError | IntegrityError)
        if not sure and self._failures[change.table, change.key] < MAX_FAILURES:
            return False
        self._forget([change])
        return True

    def _forget(self, part: Sequence[Change]) -> None:
        for change in part:
            self._failures.pop((change.table, change.key), None)


def describe_cause(error: Exception) -> str:
    """A driver's error in one line, without the statement, which has all of its rows in it."""
    cause = getattr(error, "orig", None) or error
    return f"{type(error).__name__}: {str(cause)[:_MAX_CAUSE]}"
