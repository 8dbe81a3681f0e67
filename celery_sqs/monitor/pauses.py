"""Who has paused which queue, when and why; and who has resumed it. Workers read it every second."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Row, Select, insert, select, update

from celery_sqs import system
from celery_sqs.database.columns import MAX_NAME, MAX_TEXT, storable
from celery_sqs.database.transaction import transaction
from celery_sqs.monitor.tables import pauses


class NotChanged(ValueError):
    """A queue is neither paused nor resumed; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A pause of a queue's consumption, which may be over. All instants are aware, UTC.

    Attributes:
        id: names it.
        queue: Celery's name of the queue.
        paused_by: who.
        reason: why, in the operator's words.
        paused_at: when.
        resumed_by: who has ended it; None while the queue is paused, as what follows.
        resume_reason: why.
        resumed_at: when.
    """

    id: str
    queue: str
    paused_by: str
    reason: str
    paused_at: datetime
    resumed_by: str | None
    resume_reason: str | None
    resumed_at: datetime | None

    def __str__(self) -> str:
        return f"paused by {self.paused_by} since {self.paused_at:%Y-%m-%d %H:%M:%S} UTC: {self.reason}"


class PauseStore:
    """The table `pauses`. A row that has no end pauses its queue.

    Args:
        engine: of the monitor's database.

    Attributes:
        engine: the same.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def current(self) -> dict[str, Pause]:
        """The queues that are paused now, in the order of their names."""
        found = self._read(select(pauses).where(pauses.c.resumed_at.is_(None)).order_by(pauses.c.paused_at.desc()))
        return {pause.queue: pause for pause in sorted(found, key=lambda pause: pause.queue)}

    def latest(self, limit: int) -> list[Pause]:
        """The last pauses, newest first."""
        return self._read(select(pauses).order_by(pauses.c.paused_at.desc(), pauses.c.id).limit(limit))

    def pause(self, queue: str, operator: str, reason: str) -> Pause:
        """Pause a queue. Workers stop to receive from it within a second or two.

        Raises:
            NotChanged: it is paused already, or there is no reason.
        """
        _require_reason(reason)
        if queue in (current := self.current()):
            raise NotChanged(f"{queue} is {current[queue]}")
        row = {"queue": queue, **_who("paused_by", operator, "reason", reason), "paused_at": system.now(UTC)}
        row["id"] = str(uuid.uuid4())
        transaction(self.engine, lambda connection: connection.execute(insert(pauses), row))
        return Pause(**row, resumed_by=None, resume_reason=None, resumed_at=None)

    def resume(self, queue: str, operator: str, reason: str) -> None:
        """Have workers receive from a queue again.

        Raises:
            NotChanged: it is not paused, or there is no reason.
        """
        _require_reason(reason)
        ended = update(pauses).where(pauses.c.queue == queue, pauses.c.resumed_at.is_(None))
        ended = ended.values(resumed_at=system.now(UTC), **_who("resumed_by", operator, "resume_reason", reason))
        if not transaction(self.engine, lambda connection: connection.execute(ended).rowcount):
            raise NotChanged(f"{queue} is not paused")

    def _read(self, query: Select[Any]) -> list[Pause]:
        rows: list[Row[Any]] = transaction(self.engine, lambda connection: list(connection.execute(query).all()))
        return [Pause(**row._mapping) for row in rows]


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise NotChanged("it needs a reason")


def _who(by: str, operator: str, why: str, reason: str) -> dict[str, Any]:
    return {by: storable(operator[:MAX_NAME]), why: storable(reason[:MAX_TEXT])}
