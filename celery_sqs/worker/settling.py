"""The one place where outcomes take effect: messages are deleted, parked or released."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from celery_sqs.metrics import count_unrecorded
from celery_sqs.tasks.decision import Kind, RetryDecision

if TYPE_CHECKING:
    from celery_sqs.worker.request import SQSRequest


def settle(
    channel: Any, delivery_tag: str, task: Any, report: Callable[..., None], decision: RetryDecision | None
) -> None:
    """Have an outcome take effect. From any thread.

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
        if decision.is_resent:
            channel.basic_ack(delivery_tag)
        else:
            channel.release(delivery_tag, decision.delay)
        if not decision.is_recorded:
            count_unrecorded()
        event = "task-failed" if decision.final else "task-retried"
        report(event, kind=decision.kind.value, exception=decision.error, traceback=decision.traceback)
    channel.wake()


def settle_done(requests: "Sequence[SQSRequest]") -> None:
    """Have calls of one batch that have succeeded take effect, as `settle` does for one. The hub has to be woken."""
    if not requests:
        return
    for request in requests:
        request.acknowledged = True  # so that Celery settles nothing itself
    requests[0].message.channel.ack_all([request.message.delivery_tag for request in requests])
    for request in requests:
        request.send_event("task-succeeded")
