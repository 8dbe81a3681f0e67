"""Celery's consumer in a worker's main process, for what no task of its own can deal with."""

import functools
from datetime import UTC, datetime
from typing import Any

from celery import signals
from celery.worker import consumer

from tasks.sqs import wire
from tasks.sqs.batch import BatchTask, run_batch
from tasks.sqs.errors import Undecodable
from tasks.sqs.failure import Kind
from tasks.sqs.held import Delivery
from tasks.sqs.recorder import record, record_soon
from tasks.sqs.request import SQSRequest
from tasks.sqs.task import Attempt, SQSTask


class Consumer(consumer.Consumer):
    """`worker_consumer = "tasks.sqs.consumer:Consumer"`.

    A message that cannot be read, or that names a task which is not here, goes through its receives
    within a second and into the DLQ, with the reason recorded by the queue's default task. Celery's own
    deletes the one and hides the other: celery.worker.consumer.Consumer.on_decode_error.

    Attributes:
        channel: the transport's, which Celery forgets before it closes it.
    """

    channel: Any = None

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
        delivery = message.channel.delivery(message.delivery_tag)
        if delivery is not None:
            self.bury(delivery, error, message.headers.get("task", ""), message.headers.get("id", ""))

    def bury(self, delivery: Delivery, error: Exception, name: str = "", task_id: str = "") -> None:
        """Record why nobody can run a message, and make it visible at once."""
        task = self.app.tasks.get(self.app.conf.broker_transport_options.get("default_task"))
        if not isinstance(task, SQSTask):
            self._give_back(delivery)
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
            final=delivery.receive_count >= task.max_receive_count,
            failed_at=now,
            next_visible_at=now,
        )
        settle = functools.partial(self._give_back, delivery)
        hold = functools.partial(self.channel.hold, delivery.receipt_handle, task)
        record_soon(record, task, attempt, settle, hold)

    def run_last(self, delivery: Delivery) -> bool:
        """Run a message here and now that would be dead if it were given back; says whether it was such a one.

        When the worker stops, its pool has gone. What nobody has failed on must not end in the DLQ for
        that, so this process runs it, and settles it.
        """
        if delivery.is_lost or delivery.receive_count < self.app.conf.sqs_max_receive_count:
            return False
        try:
            request = self._request(delivery)
        except (Undecodable, LookupError):
            return False
        if not isinstance(request.task, BatchTask):
            request.execute()
        elif run_batch(request.task.name, [request.call()]) == [None]:
            request.message.ack()
        else:
            request.message.reject(requeue=True)
        return True

    def _request(self, delivery: Delivery) -> SQSRequest:
        default_task = self.app.conf.broker_transport_options.get("default_task")
        payload = wire.decode(delivery.message, delivery.queue, delivery.queue_url, default_task)
        message = self.channel.Message(payload, channel=self.channel)
        return SQSRequest(
            message,
            on_ack=message.ack_log_error,
            on_reject=message.reject_log_error,
            app=self.app,
            hostname=self.hostname,
            eventer=self.event_dispatcher,
            task=self.app.tasks[message.headers["task"]],
            body=message.body,
            headers=message.headers,
        )

    def _give_back(self, delivery: Delivery) -> None:
        self.channel.basic_reject(delivery.receipt_handle, requeue=True)
