"""Celery's consumer in a worker's main process, for what no task of its own can deal with."""

import functools
from datetime import UTC, datetime
from typing import Any

from billiard.einfo import ExceptionInfo
from celery import signals
from celery.worker import consumer

from celery_sqs.consume.channel import decoded
from celery_sqs.consume.delivery import Delivery
from celery_sqs.errors import Undecodable
from celery_sqs.message import wire
from celery_sqs.settings import Settings
from celery_sqs.tasks.attempt import Attempt, describe
from celery_sqs.tasks.batch import BatchTask, run_batch
from celery_sqs.tasks.decision import Kind, RetryDecision
from celery_sqs.tasks.task import SQSTask
from celery_sqs.worker.recorder import record, record_soon
from celery_sqs.worker.request import SQSRequest, settle


class Consumer(consumer.Consumer):
    """`worker_consumer = "celery_sqs.worker.consumer:Consumer"`, which `celery_sqs.setup` sets.

    A message that cannot be read, or that names a task which is not here, goes through its receives
    within a second and into the DLQ, with the reason recorded by the queue's default task. Celery's own
    deletes the one and hides the other: celery.worker.consumer.Consumer.on_decode_error.

    Attributes:
        channel: the transport's, which Celery forgets before it closes it.
    """

    channel: Any = None
    _dispatcher: Any = None

    @property
    def event_dispatcher(self) -> Any:
        """Where events go. Celery takes it away before it closes the channel, which still runs some messages."""
        return self._dispatcher

    @event_dispatcher.setter
    def event_dispatcher(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher or self._dispatcher

    @functools.cached_property
    def _default_task(self) -> str | None:
        return Settings.of(self.app.conf).default_task

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """A body that Celery cannot read."""
        self._poisoned(message, exc)

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """A message that is no task call."""
        self._poisoned(message, ValueError("it is no task call"))

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """A call of a task that is not here."""
        name, task_id = message.headers["task"], message.headers["id"]
        self._poisoned(message, LookupError(f"there is no task {name!r} here"))
        signals.task_unknown.send(sender=self, message=message, exc=exc, name=name, id=task_id)

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """A call that is not as Celery's protocol wants it."""
        self._poisoned(message, exc)

    def _poisoned(self, message: Any, error: Exception) -> None:
        signals.task_rejected.send(sender=self, message=message, exc=error)
        delivery = message.channel.in_flight.get(message.delivery_tag)
        if delivery is not None:
            self.bury(delivery, error, message.headers.get("task", ""), message.headers.get("id", ""))

    def bury(self, delivery: Delivery, error: Exception, name: str = "", task_id: str = "") -> None:
        """Record why nobody can run a message, and make it visible at once."""
        task = self.app.tasks.get(self._default_task)
        if not isinstance(task, SQSTask):
            self.channel.release(delivery.receipt_handle, 0)
            return
        now = datetime.now(UTC)
        attempt = Attempt(
            task=name,
            task_id=task_id or delivery.message_id,
            message_id=delivery.message_id,
            kind=Kind.POISON,
            args=(),
            error=error,
            traceback="",
            receive_count=delivery.receive_count,
            worker=self.hostname,
            final=delivery.is_last,
            failed_at=now,
            next_visible_at=now,
        )
        decision = RetryDecision(Kind.POISON, 0, attempt.final, describe(error))
        report = functools.partial(self._report, delivery, attempt)
        take_effect = functools.partial(settle, self.channel, delivery.receipt_handle, task, report)
        record_soon(record, task, attempt, decision, take_effect)

    def _report(self, delivery: Delivery, attempt: Attempt, event: str, **fields: Any) -> None:
        """Report what becomes of a message that has no request, as `SQSRequest.send_event` does for one that has."""
        self.event_dispatcher.send(
            event,
            uuid=attempt.task_id,
            name=attempt.task,
            message_id=attempt.message_id,
            receive_count=attempt.receive_count,
            sent_at=wire.sent_at(delivery.message),
            **fields,
        )

    def keeps(self, task: SQSTask, delivery: Delivery) -> bool:
        """Whether a message is to be run at the worker's end rather than released.

        Released on its last receive it would be dead, though nobody has failed on it. Of batches, which
        are quick, none is released twice: each time brings it closer to its last.
        """
        return delivery.is_last or (isinstance(task, BatchTask) and delivery.receive_count > 1)

    def run_here(self, delivery: Delivery) -> bool:
        """Run a message in this process, as the pool has gone, if it is one to keep; says whether it was."""
        if delivery.is_lost or delivery.receive_count == 1:
            return False
        try:
            request = self._request(delivery)
        except (Undecodable, LookupError):
            return False
        if not self.keeps(request.task, delivery):
            return False
        if isinstance(request.task, BatchTask):
            [decision] = run_batch(request.task.name, [request.call()])
            if decision is not None and not decision.kind.is_failed_attempt:
                return False  # released, as there is nobody left to wait
            request.settle(decision)
        else:
            failed = isinstance(request.execute(), ExceptionInfo)
            request.send_event("task-failed" if failed else "task-succeeded")
        return True

    def _request(self, delivery: Delivery) -> SQSRequest:
        payload = decoded(delivery, self._default_task)
        message = self.channel.Message(payload, channel=self.channel)
        task = self.app.tasks[message.headers["task"]]
        return SQSRequest.of(message, task, self, message.ack_log_error, message.reject_log_error)
