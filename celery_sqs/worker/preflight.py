"""Whether the queues' numbers and the workers' go together, and what they mean for a message.

A queue is set up by one hand and a worker by another. Where they contradict each other, messages are
lost, run twice at once or fill the DLQ, and nothing says why. So this is asked before the first receive.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.endpoint import sqs_client
from celery_sqs.aws.queue import QueueFacts, read_facts, url_beside
from celery_sqs.consume.leases import LONGEST_LEASE
from celery_sqs.errors import CallFailed
from celery_sqs.settings import Settings
from celery_sqs.tasks.decision import BACKOFF_BASE, BACKOFF_CAP

#: A worker that is killed costs its messages a receive. With only one, they would be dead and never have failed.
FEWEST_RECEIVES: Final = 2

_UNITS: Final = {"day": 24 * 60 * 60, "hour": 60 * 60, "minute": 60}  # in seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers that the workers go by.

    Attributes:
        soft_time_limit: seconds until a task is asked to end (`task_soft_time_limit`); None: never.
        time_limit: seconds until its process is killed (`task_time_limit`); None: never.
        backoff_base: seconds before the second attempt, at the most; doubles from there (`SQSTask.backoff_base`).
        backoff_cap: seconds before any attempt, at the most (`SQSTask.backoff_cap`).
    """

    soft_time_limit: float | None = None
    time_limit: float | None = None
    backoff_base: float = BACKOFF_BASE
    backoff_cap: float = BACKOFF_CAP

    @classmethod
    def of(cls, conf: Any) -> "Limits":
        """The numbers in Celery's settings, and the task classes' own back-off."""
        return cls(soft_time_limit=conf.task_soft_time_limit, time_limit=conf.task_time_limit)


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say about a queue and its DLQ.

    Attributes:
        queue: Celery's name for the queue.
        timeline: lines that say what the numbers mean; empty unless both queues are there.
        contradictions: a sentence for each; a worker should not start on any.
    """

    queue: str
    timeline: str
    contradictions: list[str]


def preflight(app: Any, queues: Collection[str] = ()) -> list[Report]:
    """Hold the queues of a Celery app against its settings.

    Args:
        app: the app, which `celery_sqs.setup` has set up.
        queues: Celery's names of those to look at; empty: all.

    Raises:
        CallFailed: SQS cannot be reached, gives an answer that makes no sense, or refuses for lack of rights.
        Misconfigured: a setting is missing or wrong.
    """
    settings, limits = Settings.of(app.conf), Limits.of(app.conf)
    sqs = sqs_client(settings.endpoint)
    return [
        examine(sqs, name, queue.url, queue.dlq_url, limits)
        for name, queue in settings.queues.items()
        if not queues or name in queues
    ]


def examine(sqs: SqsClient, name: str, queue_url: str, dlq_url: str | None, limits: Limits) -> Report:
    """Read a work queue and the DLQ that it names, and hold them against the limits.

    Args:
        sqs: from `celery_sqs.aws.endpoint`.
        name: Celery's name for the queue.
        queue_url: the work queue.
        dlq_url: the DLQ that people and tools look into, if the settings name one.
        limits: the workers' numbers.

    Raises:
        CallFailed: SQS cannot be reached, gives an answer that makes no sense, or refuses for lack of rights.
    """
    queue = _facts(sqs, queue_url)
    if queue is None:
        return Report(name, "", [f"There is no queue at {queue_url}: create it, or correct the URL."])
    dlq = _facts(sqs, url_beside(queue_url, queue.dlq_arn)) if queue.dlq_arn else None
    lines = timeline(queue, dlq, limits) if dlq else ""
    return Report(name, lines, contradictions(queue, dlq, limits, dlq_url))


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
    return [*of_redrive, *_of_receives(queue), *_of_times(queue, limits), *of_dlq]


def _of_no_redrive_policy(queue: QueueFacts) -> Iterator[str]:
    yield (
        f"{queue.name} has no RedrivePolicy, so a message that fails is tried until it is {_span(queue.retention)} "
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
    kept = _span(queue.retention)
    lines = {
        "failing message": f"{attempts} attempts (maxReceiveCount), with pauses of up to {_listed(pauses)} ({backoff})",
        "one attempt": _attempt(limits),
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


def _attempt(limits: Limits) -> str:
    """What the time limits mean for one attempt."""
    parts = [
        f"{verb} after {seconds:g} s ({name})"
        for verb, seconds, name in (
            ("asked to end", limits.soft_time_limit, "task_soft_time_limit"),
            ("killed", limits.time_limit, "task_time_limit"),
        )
        if seconds is not None
    ]
    return ", ".join(parts) or f"may take as long as SQS's longest lease, {_span(LONGEST_LEASE)}: it has no time limit"


def _facts(sqs: SqsClient, queue_url: str) -> QueueFacts | None:
    """A queue's attributes; None if there is no such queue."""
    try:
        return read_facts(sqs, queue_url)
    except CallFailed as error:
        if error.no_queue:
            return None
        raise


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
