"""What the numbers of a queue and of its workers mean for a message, in words."""

from typing import Final

from celery_sqs.aws.duration import span
from celery_sqs.aws.queue import LONGEST_LEASE, QueueFacts
from celery_sqs.consume.retention.ages import OLD, is_kept
from celery_sqs.worker.limits import Limits

FIFO: Final = "keeps the order within a group; gives up countdown, eta and renewal, and takes a call for each message"


def timeline(queue: QueueFacts, dlq: QueueFacts, limits: Limits) -> str:
    """What the numbers mean for a message, line by line; each number with the name of what sets it."""
    attempts = queue.max_receive_count or 0
    pauses = [min(limits.backoff_cap, limits.backoff_base * 2.0**number) for number in range(attempts - 1)]
    backoff = f"backoff_base {limits.backoff_base:g} s, doubled, backoff_cap {limits.backoff_cap:g} s, full jitter"
    kept = span(queue.retention)
    lines = {
        "failing message": f"{attempts} attempts (maxReceiveCount), with pauses of up to {_listed(pauses)} ({backoff})",
        "one attempt": _attempt(limits),
        "in the DLQ": f"after up to {span(sum(pauses))} of pauses, and the attempts; without pauses where the failure "
        "is permanent",
        "killed worker": f"costs each message in flight up to {span(queue.visibility_timeout)} (VisibilityTimeout), "
        "and an attempt where its task keeps no record of attempts",
        "outage": f"costs no attempt; where its task keeps no record, one for each {span(LONGEST_LEASE)} "
        "(SQS's longest lease)",
        "old message": _old(queue),
        **({"FIFO": FIFO} if queue.is_fifo else {}),
        "kept": f"{kept} in the queue, {span(dlq.retention)} in the DLQ, from when it was sent "
        "(MessageRetentionPeriod)",
    }
    return "\n".join([f"{queue.name} -> {dlq.name}", *(f"  {what:<16} {text}" for what, text in lines.items())])


def _old(queue: QueueFacts) -> str:
    """What becomes of a message that is long in the queue."""
    kept = span(queue.retention)
    if not is_kept(queue):
        return f"lost when it is {kept} old: renewed, a message of a FIFO queue would lose its place"
    return f"renewed when it is {span(queue.retention * OLD)} old, also in an outage; lost at {kept} if no worker runs"


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
    return ", ".join(parts) or f"may take as long as SQS's longest lease, {span(LONGEST_LEASE)}: it has no time limit"


def _listed(pauses: list[float]) -> str:
    """Pauses as people list them: 32 s, 60 s each."""
    different = list(dict.fromkeys(pauses))
    return ", ".join(f"{pause:g} s" for pause in different or [0]) + " each" * (len(pauses) > len(different))
