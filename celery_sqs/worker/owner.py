"""What a worker answers its channel: what is on record of messages that come back, and of attempts that begin."""

import functools
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from billiard.exceptions import WorkerLostError
from celery.worker import state

from celery_sqs.consume.budget import Step, after_receive
from celery_sqs.consume.delivery import Delivery
from celery_sqs.consume.owner import Owner
from celery_sqs.errors import Undecodable, UnlistedTask
from celery_sqs.metrics import count_unrecorded
from celery_sqs.publish.amqp import is_exact
from celery_sqs.tasks.attempt import Attempt, OnRecord
from celery_sqs.tasks.decision import Kind, describe, is_last, looks_like_outage
from celery_sqs.tasks.revocations import is_revoked, revocations
from celery_sqs.tasks.task import SQSTask
from celery_sqs.throttled_log import ThrottledLog
from celery_sqs.worker.recorder import record_soon
from celery_sqs.worker.reporting import report_lost

if TYPE_CHECKING:
    from celery_sqs.worker.consumer import Consumer

logger = logging.getLogger(__name__)

#: What an attempt that begins is on record with: it stays if the worker does not live to record another.
ENDED: WorkerLostError = WorkerLostError("the worker ended while this attempt ran, and nothing else did")

SPENT: Final = "a message is released until it is in the DLQ, as its attempts are spent"

#: One that died long ago may be here by SQS's own redrive, which keeps its attempts.
REDRIVE_SPENT: Final = "%s, message %s: %d on record of %s; to run it again, redrive it with celery_sqs.dlq"


class WorkerOwner(Owner):
    """The owner of a worker's channel. Its stores of attempts are asked on the recorder's thread.

    Args:
        channel: the transport's.
        consumer: Celery's consumer.
    """

    def __init__(self, channel: Any, consumer: "Consumer") -> None:
        super().__init__(channel)
        self._consumer = consumer
        self._spent = ThrottledLog(logger, SPENT)

    def is_cold_shutdown(self) -> bool:
        """Whether this is a cold shutdown."""
        return state.should_terminate is not None

    def resume(self) -> None:
        """Have the batches begin that have been kept waiting."""
        for collector in self._consumer.collectors.values():
            collector.plan()

    def is_revoked(self, delivery: Delivery) -> bool:
        """Whether the call of a message was revoked. Without revocations nothing is decoded for it."""
        if not revocations and not state.revoked_stamps:
            return False
        try:
            return is_revoked(self._decoded(delivery)["headers"])
        except Undecodable:  # who decodes it to run it buries it
            return False
        except Exception:  # the event loop goes on, and the call is run
            logger.exception("whether the call of message %s is revoked is not known", delivery.message_id)
            return False

    def records(self, delivery: Delivery) -> bool:
        """Whether the task of a message has a store of attempts, which takes those at this message."""
        return self._recording(delivery) is not None

    def bury(self, delivery: Delivery, error: Exception) -> None:
        """Record why nobody can run a message."""
        named = (error.task, error.task_id) if isinstance(error, UnlistedTask) else ()
        self._consumer.bury(delivery, error, *named)

    def examine(self, deliveries: list[Delivery]) -> None:
        """Look up what the stores of their tasks have of them."""
        by_task: dict[SQSTask, list[Delivery]] = {}
        others = []
        for delivery in deliveries:
            task = self._recording(delivery)
            if task is None or delivery.max_receive_count is None:
                others.append(delivery)
            else:
                by_task.setdefault(task, []).append(delivery)
        super().examine(others)
        for task, returned in by_task.items():
            record_soon(self._look_up, task, returned)

    def _look_up(self, task: SQSTask, deliveries: list[Delivery]) -> None:
        try:
            on_record = _on_record(task, deliveries)
        except Exception as error:
            if looks_like_outage(task, error):
                self._wait(task, deliveries)
            else:
                self._count_receives(deliveries, error)
            return
        for delivery in deliveries:
            try:
                self._learn(task, delivery, on_record.get(delivery.message_id, OnRecord()))
            except Exception as error:
                self._count_receives([delivery], error)
            else:
                step = after_receive(delivery.budget(records=True))
                if step is Step.GIVE_UP:
                    spent = task.name, delivery.message_id, delivery.attempts, delivery.max_receive_count
                    self._spent.warning(REDRIVE_SPENT % spent, task.name)
                self.channel.proceed(delivery, step, records=True)

    def _count_receives(self, deliveries: list[Delivery], error: Exception) -> None:
        """Take the receives of messages for their attempts, as an error keeps these from being known."""
        text = "what is on record of %d messages cannot be read: their receives count"
        logger.error(text, len(deliveries), exc_info=error)
        count_unrecorded(len(deliveries))
        super().examine(deliveries)

    def _learn(self, task: SQSTask, delivery: Delivery, known: Any) -> None:
        if not isinstance(known, OnRecord):
            raise TypeError(f"{_store(task)!r} says of {delivery.message_id} {known!r}, which is no OnRecord")
        if known.lost is not None:
            self._report_lost(task, delivery, known)
        delivery.learn(known.receives, known.last_at)

    def _wait(self, task: SQSTask, deliveries: list[Delivery]) -> None:
        """Keep messages through an outage, but renew those that a crash would leave without a receive."""
        for delivery in deliveries:
            step = after_receive(delivery.budget(records=True))
            if step is Step.PARK:
                self.channel.park(delivery.receipt_handle, task)
            else:
                self.channel.proceed(delivery, step, records=True)

    def _report_lost(self, task: SQSTask, delivery: Delivery, known: OnRecord) -> None:
        """Log and report an attempt whose worker died: nobody else can."""
        final = is_last(known.attempts, delivery.max_receive_count)
        text = "attempt lost: receive %d of %s, message %s: its worker ended"
        logger.error(text, known.lost, task.name, delivery.message_id, extra={"final": final})
        event = "task-failed" if final else "task-retried"
        fields = {"kind": Kind.LOST.value, "exception": describe(ENDED), "traceback": ""}
        report_lost(task, delivery, self._consumer.default_task, WorkerLostError(*ENDED.args), final)
        self._consumer.report(self._begun(task, delivery), delivery, event, **fields)

    def begin(self, delivery: Delivery) -> None:
        """Put on record that a suspect's attempt begins, before it does."""
        task = self._recording(delivery)
        if task is None:
            self.channel.begin(delivery)
        else:
            record_soon(self._begin, task, delivery, self._begun(task, delivery))

    def _begin(self, task: SQSTask, delivery: Delivery, attempt: Attempt) -> None:
        try:
            task.put_on_record(attempt)
        except Exception as error:
            if looks_like_outage(task, error):
                self.channel.park(delivery.receipt_handle, task)
            else:
                logger.exception("an attempt at message %s cannot be recorded: its receives count", delivery.message_id)
                count_unrecorded()
                self._begin_unrecorded(delivery)
            return
        delivery.begun = delivery.receive_count
        self.channel.begin(delivery)

    def _begin_unrecorded(self, delivery: Delivery) -> None:
        """From now on the receives of a message are its attempts. Its copy says so, before it may end a worker.

        What cannot be renewed has no other budget anyway.
        """
        delivery.counts_receives = True
        if delivery.is_renewable:
            self.channel.proceed(delivery, Step.RENEW, records=False)
        else:
            self.channel.begin(delivery)

    def withdraw(self, delivery: Delivery) -> None:
        """Take the record back of an attempt that had begun and has not failed."""
        task = self._task(delivery) if delivery.begun is not None else None
        if task is not None and task.attempt_store is not None:
            record_soon(_withdraw, task, delivery)

    def _begun(self, task: SQSTask, delivery: Delivery) -> Attempt:
        payload = self._decoded(delivery)
        return self._consumer.attempt(
            delivery, Kind.BEGUN, ENDED, task.name, payload["headers"]["id"], tuple(payload["call"][0])
        )

    def _decoded(self, delivery: Delivery) -> dict[str, Any]:
        return delivery.decoded(self._consumer.default_task, functools.partial(is_exact, self._consumer.app))

    def _recording(self, delivery: Delivery) -> SQSTask | None:
        """The task of a message, if its store takes attempts at it."""
        task = None if delivery.counts_receives else self._task(delivery)
        return None if task is None or task.attempt_store is None else task

    def _task(self, delivery: Delivery) -> SQSTask | None:
        """The task of a message; None where nobody can run it."""
        try:
            name = self._decoded(delivery)["headers"]["task"]
        except Undecodable:
            return None
        task = self._consumer.app.tasks.get(name)
        return task if isinstance(task, SQSTask) else None


def _store(task: SQSTask) -> Any:
    return task.attempt_store


def _on_record(task: SQSTask, deliveries: Sequence[Delivery]) -> Mapping[str, Any]:
    """What is on record, without attempts that an outage has interrupted."""
    for delivery in deliveries:
        _withdraw_begun(task, delivery)
    returned = _store(task).returned({delivery.message_id: delivery.max_receive_count for delivery in deliveries})
    if not isinstance(returned, Mapping):
        raise TypeError(f"{_store(task)!r} has returned {returned!r}, which is no mapping of OnRecord")
    return returned


def _withdraw_begun(task: SQSTask, delivery: Delivery) -> None:
    """Withdraw the record of an attempt that has begun, if there is one."""
    if delivery.begun is not None:
        _store(task).withdraw(delivery.message_id, delivery.begun)
        delivery.begun = None


def _withdraw(task: SQSTask, delivery: Delivery) -> None:
    try:
        _withdraw_begun(task, delivery)
    except Exception as error:
        if not looks_like_outage(task, error):
            raise
        # It is tried again before the message runs again; the record stays if the message is done.
        logger.warning("an attempt at message %s is on record as begun still: %r", delivery.message_id, error)
