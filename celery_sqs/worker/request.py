"""A task's request in the worker's main process, and `settle`, through which each outcome takes effect."""

from collections.abc import Callable
from typing import Any

from celery.exceptions import Ignore, Reject
from celery.signals import task_failure
from celery.worker import state
from celery.worker.request import Request

from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.message import wire
from celery_sqs.metrics import count_unrecorded
from celery_sqs.tasks.attempt import Attempt
from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import LOST, Kind, RetryDecision, decide, unwrapped
from celery_sqs.worker.recorder import record, record_soon


def settle(
    channel: Any, delivery_tag: str, task: Any, report: Callable[..., None], decision: RetryDecision | None
) -> None:
    """The one place where an outcome takes effect: a message is deleted, parked or released. From any thread.

    Args:
        channel: the transport's.
        delivery_tag: names the delivery.
        task: the task that ran, or that records why none could.
        report: called with the name of an event and its fields.
        decision: on a failed run; None for one that succeeded.
    """
    if decision is None:
        channel.basic_ack(delivery_tag)
        report("task-succeeded")
    elif decision.kind is Kind.OUTAGE:
        report("task-parked")
        channel.park(delivery_tag, task)
    elif decision.kind is Kind.BLOCKED:
        report("task-parked")
        channel.postpone(delivery_tag, decision.delay)
    else:
        channel.release(delivery_tag, decision.delay)
        if not decision.is_recorded:
            count_unrecorded()
        event = "task-failed" if decision.final else "task-retried"
        report(event, kind=decision.kind.value, exception=decision.error, traceback=decision.traceback)
    channel.wake()


class SQSRequest(Request):
    """Celery's request, which leaves every failure to SQS."""

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
        """SQS's own id of the message when it was sent first."""
        return str(self.request_dict["message_id"])

    @property
    def receive_count(self) -> int:
        """How often SQS has handed out the message, all its copies, this time included."""
        return int(self.request_dict[wire.RECEIVE_COUNT])

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return int(self.request_dict["retries"]) + 1

    @property
    def max_receive_count(self) -> int | None:
        """Attempts that the queue allows; None where it has no redrive policy."""
        limit: int | None = self.request_dict.get(wire.MAX_RECEIVE_COUNT)
        return limit

    @property
    def delivery(self) -> Delivery | None:
        """Its delivery, while that is in flight."""
        delivery: Delivery | None = self.message.channel.in_flight.get(self.message.delivery_tag)
        return delivery

    def send_event(self, event: str, **fields: Any) -> None:
        """Report what becomes of the call, and at which receive of which message."""
        if self._eventer and self._eventer.enabled and self.task.send_events:
            facts = self.request_dict
            self._eventer.send(
                event,
                uuid=self.id,
                name=self.name,
                message_id=facts["message_id"],
                receive_count=facts[wire.RECEIVE_COUNT],
                sent_at=facts.get("sqs_sent_at"),
                **fields,
            )

    def call(self) -> Call:
        """What a batch gets of it."""
        return Call(
            id=self.id,
            message_id=self.message_id,
            args=self.args,
            kwargs=self.kwargs,
            receive_count=self.receive_count,
            worker=self.hostname,
            max_receive_count=self.max_receive_count,
            retries=self.attempt - 1,
            headers={**self.message.headers, "delivery_info": self.delivery_info, **self._embed},
        )

    @property
    def _embed(self) -> dict[str, Any]:
        """What is to follow the call, where there is such: its links, the rest of its chain, its chord."""
        _args, _kwargs, embed = self._payload
        return {name: value for name, value in embed.items() if value}

    @property
    def is_alone(self) -> bool:
        """Whether nothing else is to run when it does."""
        delivery = self.delivery
        return delivery is not None and delivery.is_alone

    def submit(self) -> None:
        """Note that the pool has it."""
        delivery = self.delivery
        if delivery is not None:
            delivery.is_submitted = True

    def begin(self) -> None:
        """Note that the task runs in the pool."""
        delivery = self.delivery
        if delivery is not None:
            delivery.advance(State.RUNNING)

    def execute_using_pool(self, pool: Any, **kwargs: Any) -> Any:
        """Give it to the pool."""
        self.submit()
        return super().execute_using_pool(pool, **kwargs)

    def settle(self, decision: RetryDecision | None) -> None:
        """Have the outcome of a run take effect: see the function `settle`."""
        self.acknowledged = True  # so that Celery settles nothing itself
        settle(self.message.channel, self.message.delivery_tag, self.task, self.send_event, decision)

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """The pool has begun with it."""
        self.begin()
        super().on_accepted(pid, time_accepted)

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        """Settle a failed run as `celery_sqs.tasks.decision` says.

        Celery's own deletes the message of a task that raises Ignore or is terminated, and ends the
        worker on a MemoryError.
        """
        error = unwrapped(exc_info)
        decision = decide(self.task, error, self.message_id, self.attempt, self.max_receive_count)
        decision = decision.with_error(error, exc_info)
        state.task_ready(self)
        if decision.kind is not Kind.OUTAGE and isinstance(error, (*LOST, Ignore, Reject)):
            # The task's own hook could not record it, or was not asked to.
            attempt = Attempt.of(
                self.name, self._context, self.message_id, self.receive_count, decision, error, decision.traceback
            )
            record_soon(record, self.task, attempt, decision, self.settle)
            self._signal(error, exc_info)
        else:
            self.settle(decision)

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
        """Nothing: the pool reports a hard time limit to `on_failure`, too, and a soft one to the task itself."""

    def acknowledge(self) -> None:
        """Delete the message. A pool's thread only plans it, so the event loop is woken to do it."""
        super().acknowledge()
        self.message.channel.wake()

    def reject(self, requeue: bool = False) -> None:
        """Release the message."""
        super().reject(requeue=requeue)
        self.message.channel.wake()
