"""Preflight: whether the numbers of the queues and of the workers go together, and what they mean for a message.

A queue is set up by one hand and a worker by another. Where they contradict each other, messages are lost, run twice at
once or fill the DLQ, and nothing says why. So a worker compares them before its first receive.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kombu.utils.imports import symbol_by_name

from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.endpoint import sqs_client
from celery_sqs.aws.queue import QueueFacts, read_facts, url_beside
from celery_sqs.errors import CallFailed
from celery_sqs.settings import Settings
from celery_sqs.tasks.batch import BatchTask
from celery_sqs.tasks.declared import mistakes
from celery_sqs.tasks.task import SQSTask
from celery_sqs.worker.contradictions import contradictions
from celery_sqs.worker.limits import Limits
from celery_sqs.worker.request import SQSRequest
from celery_sqs.worker.timeline import timeline


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
    """Compare the queues of a Celery app with its settings. What there is to say of its tasks is in the first report.

    Args:
        app: the app, which `celery_sqs.setup` has set up.
        queues: Celery's names of those to look at; empty: all.

    Raises:
        CallFailed: SQS cannot be reached, gives an answer that makes no sense, or refuses for lack of rights.
        Misconfigured: a setting is missing or wrong, or does not have one of the queues.
    """
    settings, limits = Settings.of(app.conf), Limits.of(app.conf)
    asked = {name: settings.queue(name) for name in queues or settings.queues}
    sqs = sqs_client(settings.endpoint)
    reports = [examine(sqs, name, queue.url, queue.dlq_url, limits) for name, queue in asked.items()]
    reports[0].contradictions.extend(of_app(app))
    for report in reports:
        report.contradictions.extend(of_lists(app, [report.queue]))
    return reports


def examine(sqs: SqsClient, name: str, queue_url: str, dlq_url: str | None, limits: Limits) -> Report:
    """Read a work queue and the DLQ that it names, and compare them with the limits.

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
    return Report(name, timeline(queue, dlq, limits) if dlq else "", contradictions(queue, dlq, limits, dlq_url))


def of_app(app: Any) -> list[str]:
    """What there is to say of an app's tasks and of its task for messages that name none, whatever SQS says."""
    return [*of_classes(app.tasks), *_of_default_task(Settings.of(app.conf).default_task, app.tasks)]


def _of_default_task(name: str | None, known: Collection[str]) -> list[str]:
    if name is None or name in known:
        return []
    return [f"sqs_default_task is {name!r}, which this app does not have: correct the name, or import the task."]


def of_classes(tasks: Mapping[str, Any]) -> list[str]:
    """A sentence for each task that would lose a message, and for each value of a task that makes no sense."""
    of_tasks = [
        f"The task {name!r} is a {base.__module__}.{base.__qualname__}, and no celery_sqs.SQSTask, so a failure would "
        "delete its message: derive its class from SQSTask."
        for name, task in sorted(tasks.items())
        if not isinstance(task, SQSTask)
        for base in type(task).__mro__[1:2]
    ]
    of_early_acks = [
        f"The task {name!r} has acks_late=False, which would delete its message before it runs, so a failure or a "
        "worker that is killed would lose the call: remove it."
        for name, task in sorted(tasks.items())
        if isinstance(task, SQSTask) and not task.acks_late
    ]
    of_values = [
        sentence
        for _, task in sorted(tasks.items())
        if isinstance(task, SQSTask)
        for sentence in mistakes(task, isinstance(task, BatchTask))
    ]
    return [*of_tasks, *of_early_acks, *of_values] + [
        f"The task {name!r} has the Request {request.__module__}.{request.__qualname__}, which would settle its message"
        " as Celery does: remove it, hooks and signals say what happens."
        for name, task in sorted(tasks.items())
        if isinstance(task, SQSTask)
        for request in [symbol_by_name(task.Request)]
        if not issubclass(request, SQSRequest)
    ]


def of_lists(app: Any, queues: Collection[str]) -> list[str]:
    """A sentence for each task that a queue lists and the app does not have: its messages would all be poison.

    Args:
        app: the app.
        queues: Celery's names of those to look at.

    Raises:
        Misconfigured: the settings do not have one of the queues.
    """
    settings, known = Settings.of(app.conf), app.tasks
    return [
        f"{queue} lists the task {task!r}, which this app does not have: correct the name, or import the task."
        for queue in queues
        for task in settings.queue(queue).tasks or ()
        if task not in known
    ]


def _facts(sqs: SqsClient, queue_url: str) -> QueueFacts | None:
    """A queue's attributes; None if there is no such queue."""
    try:
        return read_facts(sqs, queue_url)
    except CallFailed as error:
        if error.no_queue:
            return None
        raise
