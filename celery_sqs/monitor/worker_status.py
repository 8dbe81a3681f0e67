"""The status of this worker: its row of the table `workers`, written every few seconds."""

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from celery_sqs import system
from celery_sqs.database.columns import MAX_NAME, storable
from celery_sqs.monitor.task_events import Row

#: Seconds between two updates of a worker's row.
HEARTBEAT: Final = 5.0

#: Seconds without an update after which a worker counts as dead.
DEAD_AFTER: Final = 3 * HEARTBEAT

#: Celery's events of a worker: celery.worker.heartbeat.
WORKER_EVENTS: Final = frozenset({"worker-online", "worker-heartbeat", "worker-offline"})

#: The fields of these events that name the software.
_SOFTWARE: Final = ("sw_ident", "sw_ver", "sw_sys")

#: The stats before there is a connection; keys as in `celery_sqs.worker.health.Health.report`.
_NOTHING_IN_FLIGHT: Final[Mapping[str, Any]] = {
    "in_flight": 0,
    "oldest_in_flight_seconds": 0.0,
    "seconds_since_last_poll": 0.0,
    "outage": False,
    "renewed_at": None,
}


class WorkerStatus:
    """The worker of this process.

    Args:
        name: its name.

    Attributes:
        stats: returns its numbers: `celery_sqs.worker.health.Health.report`.
    """

    def __init__(self, name: str) -> None:
        self.name = storable(name[:MAX_NAME])
        self.stats: Callable[[], Mapping[str, Any]] = lambda: _NOTHING_IN_FLIGHT
        self._started_at = system.now(UTC)
        self._stopped_at: datetime | None = None
        self._fields: Mapping[str, Any] = {}

    def update(self, event: str, fields: Mapping[str, Any]) -> None:
        """Keep the fields of one of Celery's `WORKER_EVENTS`."""
        self._fields = fields
        self._stopped_at = system.now(UTC) if event == "worker-offline" else None

    def row(self, dropped: int) -> Row:
        """Its row now.

        Args:
            dropped: events that found no room in the event writer so far.
        """
        stats, fields = {**_NOTHING_IN_FLIGHT, **self.stats()}, self._fields
        return {
            "name": self.name,
            "pid": os.getpid(),
            "started_at": self._started_at,
            "seen_at": system.now(UTC),
            "stopped_at": self._stopped_at,
            "heartbeat": HEARTBEAT,
            "active": fields.get("active", 0),
            "processed": fields.get("processed", 0),
            "load_average": json.dumps(fields.get("loadavg", [])),
            "software": json.dumps({name: fields[name] for name in _SOFTWARE if name in fields}),
            "in_flight": stats["in_flight"],
            "oldest_in_flight_seconds": stats["oldest_in_flight_seconds"],
            "last_poll_seconds": stats["seconds_since_last_poll"],
            "outage": stats["outage"],
            "dropped": dropped,
            "renewed_at": None if stats["renewed_at"] is None else datetime.fromtimestamp(stats["renewed_at"], UTC),
        }
