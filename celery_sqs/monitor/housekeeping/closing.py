"""Ending what no event will end: tasks whose worker was killed before it could write what became of them."""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from celery import Celery
from sqlalchemy import Engine, and_, or_, select, update

from celery_sqs import system
from celery_sqs.database.transaction import transaction
from celery_sqs.monitor.housekeeping.empty_queues import EmptyQueues
from celery_sqs.monitor.tables import task_state, workers
from celery_sqs.monitor.task_events import LOST, RECEIVED, STARTED, SUCCESS, UNFINISHED, UNKNOWN
from celery_sqs.monitor.worker_status import DEAD_AFTER
from celery_sqs.tasks.task import SQSTask
from celery_sqs.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

#: Tasks of one state that are looked at in one go.
BATCH: Final = 500

#: How long a task has not changed that is asked for: by then a worker that lives has written its end.
SETTLED_AFTER: Final = timedelta(seconds=2 * DEAD_AFTER)


def mark_lost(engine: Engine, now: datetime) -> int:
    """Set unfinished tasks of workers that have stopped or died to LOST; returns how many there were.

    SQS hands out the messages again of those that were not done.
    """
    gone = select(workers.c.name).where(
        or_(workers.c.stopped_at.is_not(None), workers.c.seen_at < now - timedelta(seconds=DEAD_AFTER))
    )
    names = transaction(engine, lambda connection: connection.execute(gone).scalars().all())
    if not names:
        return 0
    unfinished = task_state.c.state.in_((RECEIVED, STARTED)) & task_state.c.worker.in_(names)
    lost = update(task_state).where(unfinished).values(state=LOST, changed_at=now)
    return transaction(engine, lambda connection: connection.execute(lost).rowcount)


class Closing:
    """Closes unfinished tasks: as SUCCESS where their effect is there, as UNKNOWN where no message of theirs is left.

    It changes no version, so an event that comes after all is the later one.

    Args:
        engine: of the monitor's database.
        app: the Celery app, whose tasks are asked for the effects.
        queues: says since when no message is left.
        settled_after: how long a task has not changed that is asked for.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(
        self, engine: Engine, app: Celery, queues: EmptyQueues, settled_after: timedelta = SETTLED_AFTER
    ) -> None:
        self._engine = engine
        self._app = app
        self._queues = queues
        self._settled_after = settled_after
        self._behind: dict[str, tuple[datetime, str]] = {}
        self._hook_log = ThrottledLog(logger, "it is not known whether tasks are done")

    def run(self, keep_on: Callable[[], bool]) -> None:
        """Look at the next few unfinished tasks of each state, and close those that are over."""
        for state in UNFINISHED:
            if keep_on():
                self._close_some(state)

    def _close_some(self, state: str) -> None:
        tasks = self._next(state)
        done = self._done(tasks)
        self._close(done, SUCCESS)
        others = [task for task in tasks if task.task_id not in done]
        if others and (empty_since := self._queues.empty_since()) is not None:
            self._close([task.task_id for task in others if task.changed_at < empty_since], UNKNOWN)

    def _next(self, state: str) -> list[Any]:
        """Some tasks of a state that have not changed lately: those behind the last ones, or the first again."""
        columns = task_state.c
        settled = columns.changed_at < system.now(UTC) - self._settled_after
        query = select(columns.task_id, columns.name, columns.subject, columns.changed_at)
        query = query.where(columns.state == state, settled)
        if state in self._behind:
            changed_at, task_id = self._behind[state]
            later = or_(columns.changed_at > changed_at, columns.task_id > task_id)
            query = query.where(and_(columns.changed_at >= changed_at, later))
        query = query.order_by(columns.changed_at, columns.task_id).limit(BATCH)
        found = transaction(self._engine, lambda connection: list(connection.execute(query).all()))
        self._behind.pop(state, None)
        if len(found) == BATCH:
            self._behind[state] = found[-1].changed_at, found[-1].task_id
        return found

    def _done(self, tasks: Iterable[Any]) -> set[str]:
        """Of these tasks those whose effect is there, as their classes say."""
        by_name: dict[str, dict[str, str | None]] = {}
        for task in tasks:
            by_name.setdefault(task.name, {})[task.task_id] = task.subject
        done: set[str] = set()
        for name, subjects in by_name.items():
            task_class = self._app.tasks.get(name)
            if not isinstance(task_class, SQSTask):
                continue
            try:
                done |= task_class.find_done(subjects) & subjects.keys()
            # It is a user's. The others are closed all the same.
            except Exception as error:
                self._hook_log.warning(f"{name}: {error!r}")
        return done

    def _close(self, task_ids: Iterable[str], state: str) -> None:
        now, columns = system.now(UTC), task_state.c
        unchanged = columns.state.in_(UNFINISHED) & (columns.changed_at < now - self._settled_after)
        closed = update(task_state).where(columns.task_id.in_(task_ids), unchanged)
        if task_ids:
            values = closed.values(state=state, closed_at=now, changed_at=now)
            transaction(self._engine, lambda connection: connection.execute(values))
