"""The calls that somebody has withdrawn by Celery's `revoke`, as a worker's main process knows them.

Celery's own set, `celery.worker.state.revoked`, forgets an id after three hours, or once it has 50,000: a message waits
for longer, and comes again. Stamps are kept in Celery's `revoked_stamps`, which forgets none.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from celery.utils.functional import maybe_list
from celery.worker import state

from celery_sqs import system

#: Seconds that a revocation is kept: SQS keeps no message for longer, in a queue and its DLQ together.
RETENTION: Final = 14 * 86_400.0


class Revocations:
    """Ids of calls that are not to run. One thread adds, any thread asks.

    Args:
        retention: seconds that each is kept.
    """

    def __init__(self, retention: float = RETENTION) -> None:
        self._retention = retention
        self._known: dict[str, tuple[float, str]] = {}

    def add(self, task_ids: Iterable[str], origin: str) -> None:
        """Add ids, and say who revoked them and when; forget those that are too old."""
        now = system.time.monotonic()
        for task_id in task_ids:
            self._known[task_id] = now, origin
        while self._known:
            oldest = next(iter(self._known))
            if now - self._known[oldest][0] < self._retention:
                break
            del self._known[oldest]

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._known

    def __len__(self) -> int:
        return len(self._known)

    def origin(self, task_id: str) -> str | None:
        """Who revoked a call and when; None where it is not revoked by its id."""
        known = self._known.get(task_id)
        return known and known[1]


#: Those of this process.
revocations: Final = Revocations()


def is_revoked(headers: Mapping[str, Any]) -> bool:
    """Whether the call with these headers is revoked, by its id or by a stamp; from any thread."""
    if headers["id"] in revocations or headers["id"] in state.revoked:
        return True
    stamps = headers.get("stamps") or {}
    return any(
        stamp in maybe_list(revoked)
        for header in headers.get("stamped_headers") or ()
        if (revoked := state.revoked_stamps.get(header))
        for stamp in maybe_list(stamps.get(header)) or ()
    )


def add_stamps(headers: Mapping[str, Any]) -> None:
    """Revoke all calls that have one of these stamps."""
    for header, stamps in headers.items():
        known = maybe_list(state.revoked_stamps.get(header)) or []
        state.revoked_stamps[header] = [*known, *(stamp for stamp in maybe_list(stamps) or () if stamp not in known)]
