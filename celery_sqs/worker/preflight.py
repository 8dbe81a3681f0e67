"""Whether the queues' numbers and the workers' go together, and what they mean for a message.

A queue is set up by one hand and a worker by another. Where they contradict each other, messages are
lost, run twice at once or fill the DLQ, and nothing says why. So this is asked before the first receive.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from celery_sqs.aws.queue import QueueFacts, read_facts
from celery_sqs.consume.leases import LONGEST_LEASE
from celery_sqs.tasks.decision import BACKOFF_BASE, BACKOFF_CAP

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: A worker that is killed costs its messages a receive. With only one, they would be dead and never have failed.
FEWEST_RECEIVES: Final = 2

_UNITS: Final = {"day": 24 * 60 * 60, "hour": 60 * 60, "minute": 60}  # in seconds


class OutOfReach(Exception):
    """SQS could not be asked, or would not say: nothing is known of the queues, good or bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers that the workers go by.

    Attributes:
        max_receive_count: receives they take the queue to allow (Celery's setting `sqs_max_receive_count`).
        soft_time_limit: seconds until a task is asked to end (`task_soft_time_limit`).
        time_limit: seconds until its process is killed (`task_time_limit`).
        backoff_base: seconds before the second attempt, at the most; doubles from there (`SQSTask.backoff_base`).
        backoff_cap: seconds before any attempt, at the most (`SQSTask.backoff_cap`).
    """

    max_receive_count: int
    soft_time_limit: float
    time_limit: float
    backoff_base: float
    backoff_cap: float

    @classmethod
    def of(cls, conf: Any) -> "Limits":
        """The numbers in Celery's settings, and the task classes' own back-off."""
        return cls(
            max_receive_count=conf.sqs_max_receive_count,
            soft_time_limit=conf.task_soft_time_limit,
            time_limit=conf.task_time_limit,
            backoff_base=BACKOFF_BASE,
            backoff_cap=BACKOFF_CAP,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say about a pair of queues.

    Attributes:
        timeline: lines that say what the numbers mean; empty unless both queues are there.
        contradictions: a sentence for each; a worker should not start on any.
    """

    timeline: str
    contradictions: list[str]


def examine(sqs: "SQSClient", queue_url: str, dlq_url: str | None, limits: Limits) -> Report:
    """Read the work queue and the DLQ that it names, and hold them against the limits.

    Args:
        sqs: from `celery_sqs.aws.endpoint`.
        queue_url: the work queue.
        dlq_url: the DLQ that people and tools will look into, if they have been told of one.
        limits: the workers' numbers.

    Raises:
        OutOfReach: SQS cannot be reached, does not answer sensibly, or refuses for lack of rights.
    """
    queue = _facts(sqs, queue_url)
    if queue is None:
        return Report("", [f"There is no queue at {queue_url}: create it, or correct the URL."])
    dlq = _facts(sqs, url_beside(queue_url, queue.dlq_arn)) if queue.dlq_arn else None
    told = timeline(queue, dlq, limits) if dlq else ""
    return Report(told, contradictions(queue, dlq, limits, dlq_url))


def contradictions(queue: QueueFacts, dlq: QueueFacts | None, limits: Limits, dlq_url: str | None = None) -> list[str]:
    """A sentence for each number that does not go with another: which queue, which number, what to change.

    Args:
        queue: the work queue.
        dlq: the DLQ that its redrive policy names; None if there is no such queue.
        limits: the workers' numbers.
        dlq_url: the DLQ that the settings name, if they do.
    """
    if queue.dlq_arn is None:
        of_redrive = _of_no_redrive_policy(queue, limits)
    else:
        of_redrive = _of_redrive_policy(queue.name, queue.dlq_arn, dlq, dlq_url)
    of_dlq = _of_dlq(queue, dlq) if dlq else ()
    return [*of_redrive, *_of_receives(queue, limits), *_of_times(queue, limits), *of_dlq]


def _of_no_redrive_policy(queue: QueueFacts, limits: Limits) -> Iterator[str]:
    yield (
        f"{queue.name} has no RedrivePolicy, so a message that fails is tried until it is {_span(queue.retention)} "
        f"old, and lost then: give it one, with a DLQ and maxReceiveCount {limits.max_receive_count}."
    )


def _of_redrive_policy(name: str, dlq_arn: str, dlq: QueueFacts | None, dlq_url: str | None) -> Iterator[str]:
    if dlq is None:
        yield f"{name} has a RedrivePolicy to {dlq_arn}, which does not exist: create it or name another."
    if dlq_url and not _is_same(dlq_arn, dlq_url):
        yield f"{name} has a RedrivePolicy to {dlq_arn}, but the settings name {dlq_url} as the DLQ: correct either."


def _of_receives(queue: QueueFacts, limits: Limits) -> Iterator[str]:
    receives = queue.max_receive_count
    if receives is None:
        return
    if receives < FEWEST_RECEIVES:
        yield (
            f"{queue.name} has maxReceiveCount {receives}, so a worker that is killed sends messages to the DLQ that "
            f"never failed: raise it to {FEWEST_RECEIVES} at least."
        )
    if receives != limits.max_receive_count:
        yield (
            f"{queue.name} has maxReceiveCount {receives}, but the workers go by {limits.max_receive_count} "
            "(sqs_max_receive_count): set both to the same."
        )


def _of_times(queue: QueueFacts, limits: Limits) -> Iterator[str]:
    if queue.visibility_timeout <= limits.time_limit:
        yield (
            f"{queue.name} has VisibilityTimeout {queue.visibility_timeout:g} s, which is not longer than a task may "
            f"run, {limits.time_limit:g} s (task_time_limit): raise the first or lower the second."
        )
    if limits.soft_time_limit >= limits.time_limit:
        yield (
            f"A task of {queue.name} is asked to end after {limits.soft_time_limit:g} s (task_soft_time_limit), which "
            f"is not before it is killed, after {limits.time_limit:g} s (task_time_limit): lower the first."
        )
    if not queue.receive_wait:
        yield (
            f"{queue.name} has ReceiveMessageWaitTimeSeconds 0 (short polling), so an idle worker asks without a "
            "pause, and each time costs: set it to 20."
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


def timeline(queue: QueueFacts, dlq: QueueFacts, limits: Limits) -> str:
    """What the numbers mean for a message, line by line; each number with the name of what sets it."""
    attempts = queue.max_receive_count or 0
    pauses = [min(limits.backoff_cap, limits.backoff_base * 2.0**number) for number in range(attempts - 1)]
    backoff = f"backoff_base {limits.backoff_base:g} s, doubled, backoff_cap {limits.backoff_cap:g} s, full jitter"
    soft, hard = f"{limits.soft_time_limit:g} s", f"{limits.time_limit:g} s"
    kept = _span(queue.retention)
    lines = {
        "failing message": f"{attempts} attempts (maxReceiveCount), with pauses of up to {_listed(pauses)} ({backoff})",
        "one attempt": f"asked to end after {soft} (task_soft_time_limit), killed after {hard} (task_time_limit)",
        "in the DLQ": f"after up to {_span(sum(pauses))} of pauses, and the attempts; without pauses where the failure "
        "is permanent",
        "killed worker": f"costs each message it held one of the {attempts} attempts, and up to "
        f"{_span(queue.visibility_timeout)} (VisibilityTimeout)",
        "outage": f"costs no attempt for {_span(LONGEST_LEASE)} (SQS's longest lease), then one; it has to be over "
        f"before a message is {kept} old",
        "kept": f"{kept} in the queue, {_span(dlq.retention)} in the DLQ, from when it was sent "
        "(MessageRetentionPeriod)",
    }
    return "\n".join([f"{queue.name} -> {dlq.name}", *(f"  {what:<16} {text}" for what, text in lines.items())])


def _facts(sqs: "SQSClient", queue_url: str) -> QueueFacts | None:
    """A queue's attributes; None if there is no such queue."""
    try:
        return read_facts(sqs, queue_url)
    except sqs.exceptions.QueueDoesNotExist:
        return None
    # An answer that makes no sense is none: it comes from a proxy, or from a service on its way down.
    except (BotoCoreError, ClientError, OSError, LookupError, ValueError) as error:
        raise OutOfReach(f"SQS does not tell the attributes of {queue_url}: {error!r}") from error


def url_beside(queue_url: str, arn: str) -> str:
    """The URL of another queue at the same endpoint: a DLQ has to be in its queue's region and account."""
    return "/".join([*queue_url.rsplit("/", 2)[:1], *arn.rsplit(":", 2)[1:]])


def _is_same(arn: str, queue_url: str) -> bool:
    """Whether an ARN and a URL name the same queue: both end in account and name."""
    return arn.rsplit(":", 2)[1:] == urlsplit(queue_url.rstrip("/")).path.rsplit("/", 2)[1:]


def _listed(pauses: list[float]) -> str:
    """Pauses as people list them: 32 s, 60 s each."""
    different = list(dict.fromkeys(pauses))
    return ", ".join(f"{pause:g} s" for pause in different or [0]) + " each" * (len(pauses) > len(different))


def _span(seconds: float) -> str:
    """Seconds as people say them: 12 hours."""
    for unit, size in _UNITS.items():
        count, rest = divmod(seconds, size)
        if count and not rest:
            return f"{count:g} {unit}{'s' * (count != 1)}"
    return f"{seconds:g} s"
