"""The hooks of the tasks that dead messages call: what a call is about, a dry run of it, and whether it is done.

`celery_sqs.tasks.task.SQSTask` defines them.
"""

import dataclasses
import functools
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeVar

from celery import Celery

from celery_sqs.database.columns import MAX_NAME, storable
from celery_sqs.dlq.dead_messages import DeadMessage
from celery_sqs.dlq.decode import DecodedMessage, decode_message
from celery_sqs.publish.amqp import is_exact
from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import log_error
from celery_sqs.tasks.dry_run import DryRun
from celery_sqs.tasks.task import SQSTask

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Calls that a hook gets at once.
CHUNK: Final = 500


class TaskHooks:
    """Calls the hooks of an application's tasks.

    Args:
        app: the Celery application that the workers run.
        listed: the tasks that messages of the queue may name; None for all.
        envelope: what is around them (`celery_sqs.Queue.envelope`).
    """

    def __init__(self, app: Celery, listed: Collection[str] | None = None, envelope: Any = None) -> None:
        self._app = app
        self._listed = listed
        self._envelope = envelope

    def decode(self, message_id: str, body: str, attributes: dict[str, Any]) -> DecodedMessage:
        """Decode a message as the workers would; see `decode_message`."""
        exact = functools.partial(is_exact, self._app)
        return decode_message(message_id, body, attributes, self._default_task, exact, self._envelope)

    def subject(self, message: DecodedMessage) -> str | None:
        """What a message's call is about; None where it is no call, or its task does not say.

        Of a task that is unknown here, the default task is asked.
        """
        if message.call is None:
            return None
        task = self._task(message.task if message.task in self._app.tasks else self._default_task)
        try:
            subject = task.subject(*message.call.args, **message.call.kwargs)
            return storable(subject[:MAX_NAME]) if subject else None
        # The arguments may be anything, and the message has to be shown all the same.
        except Exception as failure:
            log_error(logger, failure, "the subject of a call of %s is not known", message.task)
            return None

    def keeps_attempts(self, message: DecodedMessage) -> bool:
        """Whether the task that a message calls keeps a record of its attempts."""
        return message.call is not None and self._task(message.task).attempt_store is not None

    def dry_run(self, messages: Sequence[DeadMessage]) -> list[DryRun]:
        """Whether the code of today would accept messages; an answer for each, in their order. Nothing is written.

        Raises:
            Exception: what a task's hook raises.
        """
        decoded = [self.decode(message.message_id, message.body, message.attributes) for message in messages]
        answers = self._ask(decoded, lambda task, calls: task.dry_run(calls))
        return [
            answers[position] if position in answers else DryRun(accepted=False, why=self.why_not_run(message))
            for position, message in enumerate(decoded)
        ]

    def dry_run_edit(self, message: DeadMessage, new_body: str) -> DryRun:
        """Whether a message would be accepted with another body, which has to be about the same subject.

        Raises:
            Exception: what the task's hook raises.
        """
        if new_body == message.body:
            return DryRun(accepted=False, why="nothing is changed")
        [answer] = self.dry_run([dataclasses.replace(message, body=new_body)])
        subject = self.subject(self.decode(message.message_id, new_body, message.attributes))
        if answer.accepted and message.subject not in {None, subject}:
            return DryRun(accepted=False, why=f"the message is about {message.subject}, and has to stay so")
        return answer

    def are_done(self, messages: Sequence[DecodedMessage]) -> list[bool | None]:
        """Whether the effect of each message's call is there, in their order; None where its task does not know.

        Raises:
            Exception: what a task's hook raises.
        """
        answers = self._ask(messages, lambda task, calls: task.are_done(calls))
        return [answers.get(position) for position in range(len(messages))]

    @property
    def _default_task(self) -> str | None:
        name: str | None = self._app.conf.get("sqs_default_task")
        return name

    def _task(self, name: str | None) -> SQSTask:
        """A task by its name; one with the default hooks where it is another class's, such as Celery's own."""
        task = self._app.tasks.get(name or "")
        return task if isinstance(task, SQSTask) else SQSTask()

    def _ask(
        self, messages: Sequence[DecodedMessage], hook: Callable[[SQSTask, list[Call]], Sequence[T]]
    ) -> dict[int, T]:
        """The tasks' answers by position; without the messages that are no calls of a task which a worker would run."""
        answers: dict[int, T] = {}
        for start in range(0, len(messages), CHUNK):
            by_task: dict[str, dict[int, Call]] = {}
            for position, message in enumerate(messages[start : start + CHUNK], start):
                if message.call is not None and self._is_listed(message) and message.task in self._app.tasks:
                    by_task.setdefault(message.task, {})[position] = message.call
            for name, calls in by_task.items():
                given = hook(self._task(name), list(calls.values()))
                if len(given) != len(calls):
                    raise TypeError(f"{name} answered {len(given)} of {len(calls)} calls")
                answers |= zip(calls, given, strict=True)
        return answers

    def _is_listed(self, message: DecodedMessage) -> bool:
        return self._listed is None or message.task in self._listed

    def why_not_run(self, message: DecodedMessage) -> str:
        """Why a worker would not run a message; empty if it would."""
        if message.call is None:
            return f"no task call: {message.error}"
        if not self._is_listed(message):
            return f"the queue does not list the task {message.task!r}"
        return "" if message.task in self._app.tasks else f"there is no task {message.task!r} here"
