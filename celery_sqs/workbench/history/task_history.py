"""The history of an app whose host has none of its own: task events, dead messages and repairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from celery_sqs.dlq import DeadMessage, DeadMessages, RepairItem, RepairLog, RepairProgress
from celery_sqs.monitor import FAILURE, RETRY, UNKNOWN, EventReader, TaskRow
from celery_sqs.workbench.history.entries import of_deaths, of_repair, of_task
from celery_sqs.workbench.history.timeline import Entry

#: The state of a task whose message is in the DLQ.
DEAD: Final = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTimeLine:
    """What is known of a task, or of a subject and all tasks about it: a `TimeLine`."""

    subject: str | None
    task_ids: list[str]
    state: str
    entries: list[Entry]
    payload: str | None
    traceback: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnRecord:
    """What the tables have; all lists oldest first."""

    tasks: list[TaskRow]
    messages: list[DeadMessage]
    repairs: list[tuple[RepairProgress, RepairItem]]

    def __bool__(self) -> bool:
        return bool(self.tasks or self.messages or self.repairs)

    @property
    def _items(self) -> list[RepairItem]:
        return [item for _, item in self.repairs]

    @property
    def _all(self) -> list[TaskRow | DeadMessage | RepairItem]:
        return [*self.tasks, *self.messages, *self._items]

    @property
    def subject(self) -> str | None:
        return next((each.subject for each in self._all if each.subject), None)

    @property
    def timeline(self) -> TaskTimeLine:
        return TaskTimeLine(
            subject=self.subject,
            task_ids=list(dict.fromkeys(each.task_id for each in self._all)),
            state=self._state,
            entries=sorted(self._entries(), key=lambda entry: entry.at),
            payload=self._payload,
            traceback=next((task.traceback for task in reversed(self.tasks) if task.traceback), None),
        )

    @property
    def _state(self) -> str:
        if any(message.gone_at is None for message in self.messages):
            return DEAD
        return self.tasks[-1].state if self.tasks else UNKNOWN

    @property
    def _payload(self) -> str | None:
        bodies = [message.body for message in self.messages] + [item.new_body or item.body for item in self._items]
        arguments = [" ".join(text for text in (task.args, task.kwargs) if text != "{}") for task in self.tasks]
        return next(reversed([*arguments, *bodies]), None)

    def _entries(self) -> Iterator[Entry]:
        for task in self.tasks:
            yield from of_task(task)
            if task.state in {RETRY, FAILURE} and task.finished_at:
                detail = {"worker": task.worker, "receive_count": task.receive_count, "error": task.error}
                yield Entry(at=task.finished_at, what="failed", detail=detail | {"message_id": task.message_id})
        yield from of_deaths(self.messages, {})
        for repair, item in self.repairs:
            yield from of_repair(repair, item)


class TaskHistory:
    """Reads what is on record: a `History`.

    Args:
        events: what producers and workers report.
        messages: the dead messages.
        repairs: what operators did about them.
    """

    def __init__(self, events: EventReader, messages: DeadMessages, repairs: RepairLog) -> None:
        self._events = events
        self._messages = messages
        self._repairs = repairs

    def timeline(self, named: str) -> TaskTimeLine | None:
        """The time line of a subject or a task, which leads to its subject if it names one.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
        """
        found = self._of_subject(named)
        if not found:
            found = self._of_task(named)
            found = self._of_subject(found.subject) if found.subject else found
        return found.timeline if found else None

    def _of_subject(self, subject: str) -> _OnRecord:
        return _OnRecord(
            tasks=self._events.tasks_of(subject),
            messages=self._messages.of_subject(subject),
            repairs=self._repairs.of_subject(subject),
        )

    def _of_task(self, task_id: str) -> _OnRecord:
        task = self._events.task(task_id)
        return _OnRecord(
            tasks=[task] if task else [],
            messages=self._messages.of_task(task_id),
            repairs=self._repairs.of_task(task_id),
        )
