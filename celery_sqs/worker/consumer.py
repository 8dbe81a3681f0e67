"""Celery's consumer in a worker's main process, for what no task of its own can deal with."""

import functools
import logging
from datetime import UTC
from typing import Any

from celery import signals
from celery.exceptions import NotRegistered
from celery.worker import consumer

from celery_sqs import system
from celery_sqs.consume.delivery import Delivery
from celery_sqs.message import wire
from celery_sqs.settings import Settings
from celery_sqs.tasks.attempt import Attempt
from celery_sqs.tasks.decision import Kind, RetryDecision, describe, is_last
from celery_sqs.tasks.task import SQSTask
from celery_sqs.worker.recorder import record, record_soon
from celery_sqs.worker.reporting import report_unrun
from celery_sqs.worker.settling import settle

logger = logging.getLogger(__name__)


class Consumer(consumer.Consumer):
    """`worker_consumer = "celery_sqs.worker.consumer:Consumer"`, which `celery_sqs.setup` sets.

    A message that cannot be read, or that names a task which is not here, goes through its receives
    within a second and into the DLQ, with the reason recorded by the queue's default task. Celery's own
    deletes the one and hides the other: celery.worker.consumer.Consumer.on_decode_error.

    Attributes:
        channel: the transport's, which Celery forgets before it closes it.
        collectors: the `celery_sqs.worker.collector.Collector` of each batch task, by its name.
    """

    channel: Any = None
    _dispatcher: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.collectors: dict[str, Any] = {}
        super().__init__(*args, **kwargs)

    @property
    def event_dispatcher(self) -> Any:
        """Where events go. Celery takes it away before it closes the channel, which still runs some messages."""
        return self._dispatcher

    @event_dispatcher.setter
    def event_dispatcher(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher or self._dispatcher

    @functools.cached_property
    def default_task(self) -> str | None:
        """The task of a message that names none."""
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
            logger.error("message %s is released to %s: %r", delivery.message_id, delivery.queue, error)
            self.bury(delivery, error, message.headers.get("task", ""), message.headers.get("id", ""))

    def bury(self, delivery: Delivery, error: Exception, name: str = "", task_id: str = "") -> None:
        """Record why nobody can run a message, and make it visible at once."""
        attempt = self.attempt(delivery, Kind.POISON, error, name, task_id or delivery.message_id)
        decision = RetryDecision(Kind.POISON, 0, attempt.final, describe(error))
        recorders = map(self.app.tasks.get, (self.default_task, name))
        task = next((task for task in recorders if isinstance(task, SQSTask)), None)
        take_effect = functools.partial(self._give_up, attempt, delivery, task)
        if task is None:
            record_soon(take_effect, decision)
        else:
            record_soon(record, task, attempt, decision, take_effect)

    def _give_up(self, attempt: Attempt, delivery: Delivery, task: SQSTask | None, decision: RetryDecision) -> None:
        """On the recorder's thread: what nobody can run has failed, once SQS will not hand it out again."""
        if decision.final and attempt.task:
            known = attempt.task in self.app.tasks
            report_unrun(self.app, delivery, attempt, attempt.error if known else NotRegistered(attempt.task))
        report = functools.partial(self.report, attempt, delivery)
        settle(self.channel, delivery.receipt_handle, task, report, decision)

    def attempt(
        self,
        delivery: Delivery,
        kind: Kind,
        error: BaseException,
        name: str,
        task_id: str,
        args: tuple[Any, ...] = (),
    ) -> Attempt:
        """An attempt at a message that has no request. One that begins is the last only when it has failed."""
        now = system.now(UTC)
        number = (delivery.attempts or 0) + 1
        return Attempt(
            task=name,
            task_id=task_id,
            message_id=delivery.message_id,
            kind=kind,
            args=args,
            error=error,
            traceback="",
            receive_count=delivery.receive_count,
            worker=self.hostname,
            final=kind is not Kind.BEGUN and is_last(number, delivery.max_receive_count),
            failed_at=now,
            next_visible_at=now,
        )

    def report(self, attempt: Attempt, delivery: Delivery, event: str, **fields: Any) -> None:
        """Report what becomes of a message that has no request, as `SQSRequest.send_event` does for one that has."""
        self.event_dispatcher.send(
            event,
            uuid=attempt.task_id,
            # Of all that are unknown one: anybody may send any name, and each is a series of some metric.
            name=attempt.task if attempt.task in self.app.tasks else "",
            message_id=attempt.message_id,
            receive_count=attempt.receive_count,
            sent_at=wire.sent_at(delivery.message),
            **fields,
        )
