"""Reading the tables of task events."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    Engine,
    Row,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    true,
    union_all,
)

from celery_sqs.database.transaction import transaction
from celery_sqs.monitor.tables import task_minutes, task_state, workers
from celery_sqs.monitor.task_events import FAILURE, REVOKED, UNFINISHED, UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A row of `task_state`: the state of a task. All instants are aware, UTC.

    Attributes:
        task_id: its id.
        version: of two states of one task the one with the higher version is the later.
        name: the task's name.
        state: one of Celery's states, LOST or UNKNOWN; see `celery_sqs.monitor.task_events`.
        subject: what the call is about, as the task's `subject()` returns it.
        message_id: SQS's own id of its message.
        worker: the name of the worker that has received it last.
        receive_count: SQS's receive count of its message.
        args: its positional arguments, as text, cut.
        kwargs: its keyword arguments, as text, cut.
        error: the last failed attempt's error, in one line.
        traceback: and where it was raised.
        sent_at: when SQS accepted the message.
        received_at: when the worker received it.
        started_at: when the worker began with it.
        finished_at: when the attempt ended, well or not.
        changed_at: when this row was last written.
        closed_at: when it was ended without an event of its own: SUCCESS, as its effect was found, or UNKNOWN.
        kind: whose fault the last failed attempt was (`celery_sqs.tasks.decision.Kind`); None where no event says so.
    """

    task_id: str
    version: int
    name: str
    state: str
    subject: str | None
    message_id: str | None
    worker: str | None
    receive_count: int
    args: str
    kwargs: str
    error: str | None
    traceback: str | None
    sent_at: datetime | None
    received_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    changed_at: datetime
    closed_at: datetime | None
    kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """A row of `workers`: the status of a worker. All instants are aware, UTC.

    Attributes:
        name: its name.
        pid: its main process.
        started_at: when it began.
        seen_at: when it last wrote its row.
        stopped_at: when it was stopped; None while it runs, and where it was killed.
        heartbeat: seconds between two updates of its row.
        active: tasks that it runs.
        processed: tasks that it has run.
        load_average: of its host.
        software: the fields `sw_ident`, `sw_ver` and `sw_sys` of Celery's events.
        in_flight: messages that it has received and not settled.
        oldest_in_flight_seconds: since it received the oldest of them.
        last_poll_seconds: since one of its polls last ended.
        outage: whether it waits for what its tasks depend on.
        dropped: events that found no room in its event writer.
        renewed_at: when it last renewed a message that had been sent over an hour before; None if it has not.
    """

    name: str
    pid: int
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None
    heartbeat: float
    active: int
    processed: int
    load_average: list[float]
    software: dict[str, str]
    in_flight: int
    oldest_in_flight_seconds: float
    last_poll_seconds: float
    outage: bool
    dropped: int
    renewed_at: datetime | None = None

    def is_alive(self, now: datetime) -> bool:
        """Whether it has written its row within three heartbeats, and has not stopped."""
        return self.stopped_at is None and now - self.seen_at < timedelta(seconds=3 * self.heartbeat)


@dataclass(frozen=True, slots=True)
class SentSubject:
    """What a call was about, when it was sent (aware, UTC), and its task id."""

    subject: str
    sent_at: datetime
    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectSigns:
    """What events say of the calls about a subject. All instants are aware, UTC.

    Attributes:
        seen_at: the last send, receive, begin or end; None without any.
        closed_at: when no message of them was left; None where that is not known, or they have ended otherwise.
        revoked_at: when one of them was revoked; None if none was.
    """

    seen_at: datetime | None
    closed_at: datetime | None
    revoked_at: datetime | None


class EventReader:
    """Reads the tables that the event writers of all processes write.

    Args:
        engine: of the monitor's database.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def task(self, task_id: str) -> TaskRow | None:
        """A task, by its id."""
        found = self._tasks(select(task_state).where(task_state.c.task_id == task_id))
        return found[0] if found else None

    def tasks_of(self, subject: str) -> list[TaskRow]:
        """The tasks about a subject, oldest first."""
        found = self._tasks(select(task_state).where(task_state.c.subject == subject))
        return sorted(found, key=lambda task: task.sent_at or task.changed_at)

    def failures(self, task_ids: Collection[str]) -> dict[str, TaskRow]:
        """Of these tasks those that have failed for good or were revoked, by id; up to 500 at once."""
        of = task_state.c
        found = self._tasks(select(task_state).where(of.task_id.in_(task_ids), of.state.in_((FAILURE, REVOKED))))
        return {task.task_id: task for task in found}

    def changed_since(self, since: datetime, limit: int) -> list[TaskRow]:
        """Up to `limit` tasks that have changed at an instant or after it, the earliest of them first."""
        of = task_state.c
        query = select(task_state).where(of.changed_at >= since).order_by(of.changed_at, of.task_id).limit(limit)
        return self._tasks(query)

    def workers(self) -> list[WorkerRow]:
        """All workers on record, by name."""
        return [_to_worker(row) for row in self._all(select(workers).order_by(workers.c.name))]

    def counts_per_minute(self, task: str | None, since: datetime) -> dict[datetime, dict[str, int]]:
        """The counts of a task, or of all, by name, for each minute that began at an instant or after it."""
        of = task_minutes.c
        query = select(of.minute, of.what, func.sum(of["count"])).where(of.minute >= since, _is_of(of.task, task))
        query = query.group_by(of.minute, of.what)
        counts: dict[datetime, dict[str, int]] = {}
        for minute, what, count in self._all(query):  # type: ignore[misc]
            counts.setdefault(minute, {})[what] = int(count)  # a sum is a Decimal on MariaDB
        return counts

    def oldest_unfinished(self, task: str | None) -> datetime | None:
        """When the oldest call of a task, or of all, was sent that has neither succeeded nor failed for good."""
        # The oldest of each state is the first in an index; to find that of all states, all of them would be read.
        found = self._all(union_all(*(select(_oldest(state, task).subquery()) for state in UNFINISHED)))
        return min((row.sent_at for row in found), default=None)

    def subjects_sent(
        self, task: str, since: datetime, until: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[SentSubject]:
        """Up to `limit` subjects that a task was first sent about within a time, the earliest first.

        Args:
            task: its name.
            since: the first instant.
            until: the instant that is no longer within.
            after: `sent_at` and `task_id` of the last one of the page before; None: from the start.
            limit: how many.
        """
        of, other = task_state.c, task_state.alias().c
        is_earlier = or_(other.sent_at < of.sent_at, and_(other.sent_at == of.sent_at, other.task_id < of.task_id))
        # By the index alone it is known that there is no other task, and then no row is read.
        is_other = and_(other.subject == of.subject, other.task_id != of.task_id)
        earlier = select(other.task_id).where(is_other, other.name == task, is_earlier).exists()
        query = select(of.subject, of.sent_at, of.task_id)
        query = query.where(of.name == task, of.subject.is_not(None), of.sent_at >= since, of.sent_at < until, ~earlier)
        return self._subjects(query, after, limit)

    def subjects_unaccounted(
        self, task: str, before: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[SentSubject]:
        """Up to `limit` subjects, sent before an instant, of calls of a task whose end is in no event.

        They are the unfinished ones and those that are closed as UNKNOWN; a subject with several calls may come again.
        Arguments as of `subjects_sent`.
        """
        of = task_state.c
        query = select(of.subject, of.sent_at, of.task_id)
        query = query.where(of.state.in_((*UNFINISHED, UNKNOWN)), of.name == task, of.subject.is_not(None))
        query = query.where(of.sent_at < before)
        return self._subjects(query, after, limit)

    def _subjects(self, query: Select[Any], after: tuple[datetime, str] | None, limit: int) -> list[SentSubject]:
        of = task_state.c
        if after is not None:
            query = query.where(of.sent_at >= after[0], or_(of.sent_at > after[0], of.task_id > after[1]))
        query = query.order_by(of.sent_at, of.task_id).limit(limit)
        return [SentSubject(**row._mapping) for row in self._all(query)]

    def signs_of(self, subjects: Collection[str]) -> dict[str, SubjectSigns]:
        """What events say of the calls about these subjects, where there are any; up to 900 at once."""
        of = task_state.c
        is_open = func.max(case((of.state.in_(UNFINISHED), 1), else_=0))
        columns = [func.max(column) for column in (of.sent_at, of.received_at, of.started_at, of.finished_at)]
        closed_at = func.min(case((of.state == UNKNOWN, of.closed_at)))
        revoked_at = func.max(case((of.state == REVOKED, of.finished_at)))
        query = select(of.subject, is_open, closed_at, revoked_at, *columns)
        rows = self._all(query.where(of.subject.in_(subjects)).group_by(of.subject))
        return {
            subject: SubjectSigns(
                seen_at=max((at for at in signs if at), default=None),
                closed_at=None if is_unfinished else closed,
                revoked_at=revoked,
            )
            for subject, is_unfinished, closed, revoked, *signs in map(tuple, rows)
        }

    def old_renewed_at(self) -> datetime | None:
        """When a worker last renewed a message that had been sent over an hour before; None if none has."""
        found: datetime | None = self._all(select(func.max(workers.c.renewed_at)))[0][0]
        return found

    def _tasks(self, query: Select[Any]) -> list[TaskRow]:
        return [TaskRow(**row._mapping) for row in self._all(query)]

    def _all(self, query: Select[Any] | CompoundSelect[Any]) -> list[Row[Any]]:
        return transaction(self._engine, lambda connection: list(connection.execute(query).all()))


def _oldest(state: str, task: str | None) -> Select[Any]:
    of = task_state.c
    query = select(of.sent_at).where(of.state == state, of.sent_at.is_not(None), _is_of(of.name, task))
    return query.order_by(of.sent_at).limit(1)


def _is_of(name: Column[str], task: str | None) -> ColumnElement[bool]:
    return true() if task is None else name == task


def _to_worker(row: Row[Any]) -> WorkerRow:
    parsed = {"load_average": json.loads(row.load_average), "software": json.loads(row.software)}
    return WorkerRow(**{**row._mapping, **parsed})
