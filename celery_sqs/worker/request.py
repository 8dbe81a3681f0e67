"""A task's request in the worker's main process."""

import functools
import logging
import os
from typing import Any, Final

from billiard.exceptions import WorkerLostError
from celery.concurrency import prefork
from celery.exceptions import Ignore, Reject, TaskRevokedError
from celery.signals import task_revoked
from celery.worker import state
from celery.worker.request import Request

from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.errors import NotTerminable
from celery_sqs.message import wire
from celery_sqs.metrics import count_unrecorded
from celery_sqs.tasks.attempt import Attempt
from celery_sqs.tasks.batch import BatchTask
from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import Kind, RetryDecision, decide, unwrapped
from celery_sqs.tasks.outcomes.tracer import DECISION
from celery_sqs.tasks.revocations import revocations
from celery_sqs.worker.recorder import record, record_soon
from celery_sqs.worker.reporting import report_outcome
from celery_sqs.worker.settling import settle

logger = logging.getLogger(__name__)

#: Where a delivery is while its run is not settled.
_UNSETTLED: Final = frozenset({State.RESERVED, State.RUNNING})


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
        """The number of this attempt at the message, from 1."""
        return int(self.request_dict[wire.ATTEMPTS]) + 1

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
                name=self.task.name,  # and not what its message calls it: each name is a series of some metric
                message_id=facts["message_id"],
                receive_count=facts[wire.RECEIVE_COUNT],
                sent_at=facts.get("sqs_sent_at"),
                **fields,
            )

    def call(self) -> Call:
        """What a batch gets of it: its headers, too, and what is to follow it, where there is such."""
        facts = self.request_dict
        args, kwargs, embed = self.message.payload
        return Call(
            id=self.id,
            message_id=str(facts["message_id"]),
            args=args,
            kwargs=kwargs,
            receive_count=int(facts[wire.RECEIVE_COUNT]),
            worker=self.hostname,
            max_receive_count=facts.get(wire.MAX_RECEIVE_COUNT),
            retries=int(facts[wire.ATTEMPTS]),
            headers={
                **self.message.headers,
                "delivery_info": self.delivery_info,
                **{name: value for name, value in embed.items() if value},
            },
        )

    @property
    def is_alone(self) -> bool:
        """Whether nothing else is to run when it does."""
        delivery = self.delivery
        return delivery is not None and delivery.is_alone

    @property
    def is_paused(self) -> bool:
        """Whether its queue is paused."""
        pauses = self.message.channel.pauses
        delivery = self.delivery if pauses.queues else None
        return delivery is not None and delivery.queue in pauses.queues

    def take_back(self) -> None:
        """Take a call that has not begun back from Celery; the channel has it then. From any thread."""
        state.task_ready(self)
        self.acknowledged = True  # so that Celery settles nothing itself
        self.message.channel.take_back(self.message.delivery_tag)
        self.message.channel.wake()

    def begin(self) -> bool:
        """Note that the task runs in the pool; False where it runs already, or its message is on its way back."""
        delivery = self.delivery
        if delivery is None:
            return False
        delivery.is_submitted = True
        return delivery.advance(State.RUNNING)

    def settle(self, decision: RetryDecision | None) -> None:
        """Have the outcome of a run take effect: see `celery_sqs.worker.settling`."""
        self.acknowledged = True  # so that Celery settles nothing itself
        settle(self.message.channel, self.message.delivery_tag, self.task, self.send_event, decision)

    def give_up(self, error: Exception) -> None:
        """Leave the message to its visibility timeout, where an error nobody foresaw keeps its run from being settled.

        What is settled or parked already stays so, and the error is logged.
        """
        state.task_ready(self)
        delivery = self.delivery
        if delivery is None or delivery.state not in _UNSETTLED:
            logger.error("an error after the run of %s[%s] was settled", self.task.name, self.id, exc_info=error)
            return
        text = "the run of %s[%s] cannot be settled: its message comes again"
        logger.error(text, self.task.name, self.id, exc_info=error)
        count_unrecorded()
        self.acknowledged = True  # so that Celery settles nothing itself
        self.message.channel.basic_reject(self.message.delivery_tag)
        self.message.channel.wake()

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """A process of the pool has begun with it; a pool without processes, of threads or solo, is about to.

        Raises:
            TaskRevokedError: it was revoked, its queue paused, or its message sent back or lost, while it waited, and
                is not run.
        """
        runs_here = pid == os.getpid()
        if runs_here and self.revoked():
            raise TaskRevokedError(self.id)
        if not self.begin() and runs_here:
            if not self.drop_if_lost():  # its message is on its way back
                state.task_ready(self)
                self.acknowledged = True  # so that Celery settles nothing itself
            raise TaskRevokedError(self.id)
        super().on_accepted(pid, time_accepted)

    def drop_if_lost(self) -> bool:
        """Drop it if its lease has ended while it waited, as another worker runs it then; says whether it has."""
        delivery = self.delivery
        is_lost = delivery is None or bool(self.message.channel.drop_if_lost(delivery))
        if is_lost:
            state.task_ready(self)
            self.reject(requeue=False)
        return is_lost

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        """Settle a failed run as was decided in the pool; decide here on what the pool says of one that could not.

        Celery's own ends the worker on a MemoryError, and asks the result backend on the event loop.
        """
        state.task_ready(self)
        try:
            self._fail(exc_info)
        # The pool only logs what its callback raises, and the message would be leased for as long as the worker lives.
        except Exception as error:
            self.give_up(error)

    def _fail(self, exc_info: Any) -> None:
        error = unwrapped(exc_info)
        if self._already_revoked:  # and so was killed
            return
        if isinstance(error, Ignore):
            self.settle(None)
            return
        decision: RetryDecision | None = getattr(exc_info, DECISION, None)
        if decision is not None:
            self.settle(decision)
            return
        decision = decide(self.task, error, self.message_id, self.attempt, self.max_receive_count)
        decision = decision.with_error(error, exc_info)
        is_noted = exc_info.internal and not isinstance(error, Reject)  # by the pool: Celery's tracer has failed
        if is_noted or decision.kind is Kind.OUTAGE:
            self.settle(decision)
            return
        attempt = Attempt.of(
            self.task.name, self._context, self.message_id, self.receive_count, decision, error, decision.traceback
        )
        record_soon(self._record, attempt, decision, exc_info)

    def _record(self, attempt: Attempt, decision: RetryDecision, exc_info: Any) -> None:
        """On the recorder's thread: a failed attempt that the pool could not report."""
        try:
            if isinstance(attempt.error, WorkerLostError) and self._success_was_stored():
                self.settle(None)  # its process was lost after it had succeeded
            else:
                record(self.task, attempt, decision, functools.partial(self._close, attempt.error, exc_info))
        except Exception as error:
            self.give_up(error)

    def _close(self, error: BaseException, exc_info: Any, decision: RetryDecision) -> None:
        if decision.kind.is_failed_attempt:
            report_outcome(self.task, self._context, error, exc_info, decision)
        self.settle(decision)

    def revoked(self) -> bool:
        """See to it that it does not run where it is not to; says whether it is not. Celery asks before it runs.

        Revoked or expired, it is REVOKED on record, and its message deleted. Of a paused queue, it is taken back. Where
        its lease is lost, it is dropped.
        """
        if self.is_paused:
            self.take_back()
            return True
        if self.drop_if_lost():
            return True
        if self._already_revoked or self.id not in revocations:
            return bool(super().revoked())
        logger.info("Discarding revoked task: %s[%s] (%s)", self.name, self.id, revocations.origin(self.id))
        self._announce_revoked("revoked", False, None, False)
        return True

    def terminate(self, pool: Any, signal: Any = None) -> None:
        """Kill the process that it runs in.

        Raises:
            NotTerminable: it runs in a batch, or the pool has no processes.
        """
        if self in state.active_requests:
            if not isinstance(pool, prefork.TaskPool):
                raise NotTerminable("the pool has no processes")
            if isinstance(self.task, BatchTask):
                raise NotTerminable("it runs in a batch with other calls")
        super().terminate(pool, signal)

    def _announce_revoked(self, reason: str, terminated: bool, signum: Any, expired: bool) -> None:
        """It is not run, and its message is deleted. Celery's own asks the result backend on the event loop."""
        self._already_revoked = True
        state.task_ready(self)
        record_soon(self._revoke, reason, {"terminated": terminated, "signum": signum, "expired": expired})

    def _revoke(self, reason: str, how: dict[str, Any]) -> None:
        try:
            self.task.backend.mark_as_revoked(self.id, reason, request=self._context, store_result=self.store_errors)
        finally:
            self.send_event("task-revoked", exception=revocations.origin(self.id), **how)
            self.acknowledge()
            task_revoked.send(self.task, request=self._context, **how)

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


def is_revoked(request: SQSRequest) -> bool:
    """Whether a call is not to run, as `SQSRequest.revoked` has it. Most calls are not asked."""
    may_be = request.expires or request.id in state.revoked or request.id in revocations or state.revoked_stamps
    return bool(may_be and request.revoked())
