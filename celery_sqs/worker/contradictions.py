"""Which numbers of a queue, its DLQ and the workers contradict each other."""

from collections.abc import Iterator
from typing import Final

from celery_sqs.aws.duration import span
from celery_sqs.aws.queue import QueueFacts, account_and_name
from celery_sqs.consume.retention.ages import HIDDEN, is_kept
from celery_sqs.worker.limits import Limits

#: A worker that is killed costs its messages a receive. With only one, they would be dead and never have failed.
FEWEST_RECEIVES: Final = 2


def contradictions(queue: QueueFacts, dlq: QueueFacts | None, limits: Limits, dlq_url: str | None = None) -> list[str]:
    """A sentence for each number that does not go with another: which queue, which number, what to change.

    Args:
        queue: the work queue.
        dlq: the DLQ that its redrive policy names; None if there is no such queue.
        limits: the workers' numbers.
        dlq_url: the DLQ that the settings name, if they do.
    """
    if queue.dlq_arn is None:
        of_redrive = _of_no_redrive_policy(queue)
    else:
        of_redrive = _of_redrive_policy(queue.name, queue.dlq_arn, dlq, dlq_url)
    of_dlq = _of_dlq(queue, dlq) if dlq else ()
    return [
        *of_redrive,
        *_of_receives(queue),
        *_of_times(queue, limits),
        *_of_options(queue, limits),
        *_of_retention(queue, limits),
        *of_dlq,
    ]


def _of_no_redrive_policy(queue: QueueFacts) -> Iterator[str]:
    yield (
        f"{queue.name} has no RedrivePolicy, so a message that fails is tried until it is {span(queue.retention)} "
        "old, and lost then: give it one, with a DLQ and a maxReceiveCount of 3."
    )


def _of_redrive_policy(name: str, dlq_arn: str, dlq: QueueFacts | None, dlq_url: str | None) -> Iterator[str]:
    if dlq is None:
        yield f"{name} has a RedrivePolicy to {dlq_arn}, which does not exist: create it or name another."
    if dlq_url and not _is_same(dlq_arn, dlq_url):
        yield f"{name} has a RedrivePolicy to {dlq_arn}, but the settings name {dlq_url} as the DLQ: correct either."


def _of_receives(queue: QueueFacts) -> Iterator[str]:
    receives = queue.max_receive_count
    if receives is not None and receives < FEWEST_RECEIVES:
        yield (
            f"{queue.name} has maxReceiveCount {receives}, so a worker that is killed sends messages to the DLQ that "
            f"never failed: raise it to {FEWEST_RECEIVES} at least."
        )


def _of_times(queue: QueueFacts, limits: Limits) -> Iterator[str]:
    soft, hard = limits.soft_time_limit, limits.time_limit
    if hard is not None and queue.visibility_timeout <= hard:
        yield (
            f"{queue.name} has VisibilityTimeout {queue.visibility_timeout:g} s, which is not longer than a task may "
            f"run, {hard:g} s (task_time_limit): raise the first or lower the second."
        )
    if soft is not None and hard is not None and soft >= hard:
        yield (
            f"A task of {queue.name} is asked to end after {soft:g} s (task_soft_time_limit), which is not before it "
            f"is killed, after {hard:g} s (task_time_limit): lower the first."
        )
    if not queue.receive_wait:
        yield (
            f"{queue.name} has ReceiveMessageWaitTimeSeconds 0 (short polling), so an idle worker asks without a "
            "pause, and each time costs: set it to 20."
        )


def _of_options(queue: QueueFacts, limits: Limits) -> Iterator[str]:
    """What kombu's options say of the queue: kombu hands one of them to SQS, here the queue's own number counts."""
    for attribute, number, option, wanted in (
        ("VisibilityTimeout", queue.visibility_timeout, "visibility_timeout", limits.visibility_timeout),
        ("ReceiveMessageWaitTimeSeconds", queue.receive_wait, "wait_time_seconds", limits.receive_wait),
    ):
        if wanted is not None and wanted != number:
            yield (
                f"{queue.name} has {attribute} {number:g} s, and broker_transport_options have {option} {wanted:g} s: "
                "give the queue that number, or remove the option, as the queue's own counts."
            )


def _of_retention(queue: QueueFacts, limits: Limits) -> Iterator[str]:
    hidden, name = max((queue.visibility_timeout, "VisibilityTimeout"), (limits.backoff_cap, "backoff_cap"))
    if is_kept(queue) and queue.retention * HIDDEN < hidden:
        yield (
            f"{queue.name} has MessageRetentionPeriod {queue.retention:g} s, and a message may be hidden for "
            f"{hidden:g} s of it ({name}), in which nobody can renew it: raise the first to {hidden / HIDDEN:g} s at "
            "least, or lower the second."
        )


def _of_dlq(queue: QueueFacts, dlq: QueueFacts) -> Iterator[str]:
    if dlq.retention <= queue.retention:
        yield (
            f"{dlq.name} has MessageRetentionPeriod {dlq.retention:g} s, which is not longer than that of "
            f"{queue.name}, {queue.retention:g} s. SQS counts from the first send, so messages are lost on arrival: "
            "raise it."
        )
    if dlq.dlq_arn is not None:
        yield (
            f"{dlq.name} is a DLQ with a RedrivePolicy of its own, maxReceiveCount {dlq.max_receive_count}, so who "
            f"looks into it too often moves its messages to {dlq.dlq_arn}: remove that policy."
        )


def _is_same(arn: str, queue_url: str) -> bool:
    """Whether an ARN and a URL name the same queue: both end in account and name."""
    return arn.rsplit(":", 2)[1:] == account_and_name(queue_url)
