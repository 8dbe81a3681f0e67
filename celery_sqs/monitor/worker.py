"""What a worker tells of itself: a row of the table `workers`, every few seconds."""

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from celery_sqs.monitor.report import Row
from celery_sqs.monitor.task_states import HEARTBEAT

#: Celery's events of a worker: celery.worker.heartbeat.
SIGNS: Final = frozenset({"worker-online", "worker-heartbeat", "worker-offline"})

#: What Celery says of itself in each of them.
_SOFTWARE: Final = ("sw_ident", "sw_ver", "sw_sys")

#: As `celery_sqs.worker.health.Health.report` tells it, before there is a connection.
_NOTHING_IN_FLIGHT: Final[Mapping[str, Any]] = {
    "in_flight": 0,
    "oldest_in_flight_seconds": 0.0,
    "seconds_since_last_poll": 0.0,
    "outage": False,
}


class Worker:
    """The worker that this process is.

    Args:
        name: its name.

    Attributes:
        vitals: tells what it holds: `celery_sqs.worker.health.Health.report`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.vitals: Callable[[], Mapping[str, Any]] = lambda: _NOTHING_IN_FLIGHT
        self._started_at = datetime.now(UTC)
        self._stopped_at: datetime | None = None
        self._said: Mapping[str, Any] = {}

    def say(self, sign: str, fields: Mapping[str, Any]) -> None:
        """Take in one of Celery's `SIGNS`."""
        self._said = fields
        self._stopped_at = datetime.now(UTC) if sign == "worker-offline" else None

    def row(self, dropped: int) -> Row:
        """How it is now.

        Args:
            dropped: reports that found no room so far.
        """
        vitals, said = {**_NOTHING_IN_FLIGHT, **self.vitals()}, self._said
        return {
            "name": self.name,
            "pid": os.getpid(),
            "started_at": self._started_at,
            "seen_at": datetime.now(UTC),
            "stopped_at": self._stopped_at,
            "heartbeat": HEARTBEAT,
            "active": said.get("active", 0),
            "processed": said.get("processed", 0),
            "load_average": json.dumps(said.get("loadavg", [])),
            "software": json.dumps({name: said[name] for name in _SOFTWARE if name in said}),
            "in_flight": vitals["in_flight"],
            "oldest_in_flight_seconds": vitals["oldest_in_flight_seconds"],
            "last_poll_seconds": vitals["seconds_since_last_poll"],
            "outage": vitals["outage"],
            "dropped": dropped,
        }
