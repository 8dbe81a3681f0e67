"""What the pages of the workbench work with, put together once per application."""

from dataclasses import dataclass
from typing import ClassVar, Final

from flask import current_app

from app.monitor.operators import Operators
from app.monitor.queue_numbers import BothQueues, read_both
from app.monitor.recent import Recent
from app.monitor.runs import Runs
from app.services import Services
from celery_sqs.aws.endpoint import client
from celery_sqs.monitor import EventReader
from celery_sqs.tasks.decision import BACKOFF_BASE, BACKOFF_CAP
from celery_sqs.worker.preflight import Limits, Report, examine
from config.queues import ORDER_QUEUE
from tasks.application import SOFT_TIME_LIMIT, TIME_LIMIT, endpoint
from tasks.repair.bench import Bench

#: Seconds that an answer of SQS is shown for. What the queues' settings mean changes only when somebody changes them.
NUMBERS_KEPT: Final = 3.0
REPORT_KEPT: Final = 30.0

#: What the workers are told (`tasks.application`). A Celery app of its own only for these would be one too many.
LIMITS: Final = Limits(
    max_receive_count=ORDER_QUEUE.max_receive_count,
    soft_time_limit=SOFT_TIME_LIMIT,
    time_limit=TIME_LIMIT,
    backoff_base=BACKOFF_BASE,
    backoff_cap=BACKOFF_CAP,
)


@dataclass(frozen=True)
class Parts:
    """The workbench's parts.

    Attributes:
        operators: who may use it.
        event_reader: the states of tasks and workers.
        bench: the dead letters and what is done about them.
        runs: what takes longer than a page.
        numbers: SQS's numbers on both queues.
        report: what the queues' settings mean, and what contradicts them.
    """

    NAME: ClassVar = "order-intake-monitor"

    operators: Operators
    event_reader: EventReader
    bench: Bench
    runs: Runs
    numbers: Recent[BothQueues]
    report: Recent[Report]

    @classmethod
    def of(cls, services: Services) -> "Parts":
        """The parts for an application."""
        settings = services.settings
        place = endpoint(settings)
        urls = (settings.sqs_queue_url, settings.sqs_dlq_url)
        bench = Bench.of(settings, services.engine)
        return cls(
            operators=Operators(settings.operators, settings.order_id_secret),
            event_reader=EventReader(services.engine),
            bench=bench,
            runs=Runs(bench),
            numbers=Recent(lambda: read_both(client(place), *urls), NUMBERS_KEPT),
            report=Recent(lambda: examine(client(place), *urls, LIMITS), REPORT_KEPT),
        )


def parts() -> Parts:
    """The current application's parts."""
    made: Parts = current_app.extensions[Parts.NAME]
    return made
