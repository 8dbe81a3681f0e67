"""A task's message in the worker's main process: what Celery does with it when the task has ended."""

import functools
from typing import Any

from celery.exceptions import Ignore, Reject
from celery.signals import task_failure
from celery.worker import state
from celery.worker.request import Request

from celery_sqs.tasks.batch import Call
from celery_sqs.tasks.decision import LOST, Kind, RetryDecision, decide, unwrapped
from celery_sqs.tasks.task import in_words
from celery_sqs.worker.recorder import record, record_soon


class SQSRequest(Request):
    """Celery's request, which leaves every failure to SQS.

    Attributes:
        rejected: whether the message was given back.
    """

    rejected = False

    @classmethod
    def of(cls, message: Any, task: Any, consumer: Any, on_ack: Any, on_reject: Any) -> "SQSRequest":
        """The request of a message that a consumer has received for a task."""
        return cls(
            message,
            on_ack=on_ack,
            on_reject=on_reject,
            app=consumer.app,
            hostname=consumer.hostname,
            eventer=consumer.event_dispatcher,
            task=task,
            body=message.body,
            headers=message.headers,
        )

    @property
    def message_id(self) -> str:
        """SQS's own id of the message."""
        return str(self.request_dict["message_id"])

    @property
    def receive_count(self) -> int:
        """How often SQS has handed out the message, this time included."""
        return int(self.request_dict["retries"]) + 1

    def send_event(self, event: str, **fields: Any) -> None:
        """Tell what becomes of the call, and at which receive of which message."""
        if self._eventer and self._eventer.enabled and self.task.send_events:
            facts = self.request_dict
            self._eventer.send(
                event,
                uuid=self.id,
                name=self.name,
                message_id=facts["message_id"],
                receive_count=facts["retries"] + 1,
                sent_at=facts.get("sqs_sent_at"),
                **fields,
            )

    def call(self) -> Call:
        """What a batch is told of it."""
        return Call(
            id=self.id,
            message_id=self.message_id,
            args=self.args,
            kwargs=self.kwargs,
            receive_count=self.receive_count,
            worker=self.hostname,
            headers=self.message.headers,
        )

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        """Give the message back to SQS as `celery_sqs.tasks.decision` says, or keep it in an outage.

        Celery's own deletes the message of a task that raises Ignore or is terminated, and ends the
        worker on a MemoryError.
        """
        error = unwrapped(exc_info)
        decision = decide(self.task, error, self.message_id, self.receive_count)
        state.task_ready(self)
        if decision.kind is Kind.OUTAGE:
            self._hold()
        elif isinstance(error, (*LOST, Ignore, Reject)):
            # The task's own hook could not record it, or was not asked to.
            attempt = self.task.attempt(error, decision, self._context, self.message_id, str(exc_info.traceback))
            settle = functools.partial(self._settle, decision, exc_info)
            record_soon(record, self.task, attempt, settle, self._hold)
            self._signal(error, exc_info)
        else:
            self._settle(decision, exc_info)

    def _hold(self) -> None:
        self.acknowledged = True  # as far as Celery is concerned; the channel hands it over again
        self.hold()

    def hold(self) -> None:
        """Keep the message until an outage is over, when it is handed over again without another receive."""
        self.send_event("task-parked")
        self.message.channel.hold(self.message.delivery_tag, self.task)

    def _settle(self, decision: RetryDecision, exc_info: Any) -> None:
        self.message.channel.postpone(self.message.delivery_tag, decision.delay)
        self.reject(requeue=False)
        self.tell_failure(decision, in_words(unwrapped(exc_info)), str(exc_info.traceback))

    def tell_failure(self, decision: RetryDecision, error: str, traceback: str) -> None:
        """Tell that an attempt failed: for good, or to be tried again."""
        event = "task-failed" if decision.final else "task-retried"
        self.send_event(event, kind=decision.kind.value, exception=error, traceback=traceback)

    def _signal(self, error: BaseException, exc_info: Any) -> None:
        task_failure.send(
            sender=self.task,
            task_id=self.id,
            exception=error,
            args=self.args,
            kwargs=self.kwargs,
            traceback=exc_info.traceback,
            einfo=exc_info,
        )

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Nothing: the pool tells `on_failure` of a hard time limit, too, and the task itself of a soft one."""

    def acknowledge(self) -> None:
        """Delete the message. A pool's thread only plans it, so the event loop is woken to do it."""
        super().acknowledge()
        self.message.channel.wake()

    def reject(self, requeue: bool = False) -> None:
        """Give the message back."""
        super().reject(requeue=requeue)
        self.rejected = True
        self.message.channel.wake()
