"""The stores that tasks depend on, in memory: rows by a unique key, and attempts on record. Both are away together."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from celery_sqs import OnRecord
from celery_sqs.tasks.attempt import Attempt
from celery_sqs.tasks.decision import Kind
from tests.simulation.virtual.scheduler import Scheduler
from tests.simulation.world.faults import FaultRates


class StoreAway(Exception):
    """The database cannot be reached, or has not answered."""


class Database:
    """Whether the stores are there, and how long they take.

    Attributes:
        is_away: whether it is.
        probes: how many have succeeded.
        rows: by unique key, when each was stored.
        attempts: by message id and receive count.
    """

    def __init__(self, scheduler: Scheduler, rates: FaultRates) -> None:
        self._scheduler = scheduler
        self._rates = rates
        self.is_away = False
        self.probes = 0
        self.rows: dict[str, float] = {}
        self.attempts: dict[tuple[str, int], tuple[Kind, datetime]] = {}

    def ask(self) -> None:
        """The way to the database."""
        self._scheduler.sleep(self._scheduler.random.random() * self._rates.latency)
        if self.is_away:
            self._scheduler.sleep(self._scheduler.random.random())
            raise StoreAway("connection refused")

    def answer(self) -> bool:
        """The way back; says whether the answer came, of what was done before."""
        self._scheduler.sleep(self._scheduler.random.random() * self._rates.latency)
        return not (self._rates.is_on and self._scheduler.random.random() < self._rates.loses_commit)

    def is_there(self) -> bool:
        """The probe."""
        try:
            self.ask()
        except StoreAway:
            return False
        self.probes += 1
        return True


class AttemptLog:
    """The attempt store of the task."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, attempt: Attempt) -> None:
        self._database.ask()
        name = attempt.message_id, attempt.receive_count
        if self._database.attempts.get(name, (Kind.BEGUN, None))[0] is Kind.BEGUN:
            self._database.attempts[name] = attempt.kind, attempt.failed_at
        if not self._database.answer():
            raise StoreAway("no answer to a commit")

    def withdraw(self, message_id: str, receive_count: int) -> None:
        self._database.ask()
        name = message_id, receive_count
        if self._database.attempts.get(name, (None, None))[0] is Kind.BEGUN:
            del self._database.attempts[name]

    def returned(self, max_attempts: Mapping[str, int]) -> Mapping[str, OnRecord]:
        self._database.ask()
        return {message_id: known for message_id in max_attempts if (known := self._of(message_id)) is not None}

    def _of(self, message_id: str) -> Any:
        attempts = self._database.attempts
        names = [name for name in attempts if name[0] == message_id]
        if not names:
            return None
        lost = [name for name in names if attempts[name][0] is Kind.BEGUN]
        for name in lost:
            attempts[name] = Kind.LOST, attempts[name][1]
        return OnRecord(
            receives=frozenset(receive for _, receive in names),
            last_at=max(attempts[name][1] for name in names),
            lost=max(receive for _, receive in lost) if lost else None,
        )
