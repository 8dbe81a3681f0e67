"""What the pages of the workbench work with, put together once per application."""

from dataclasses import dataclass
from typing import ClassVar, Final

from flask import current_app

from app.history import History
from app.services import Services
from app.workbench.access.operators import Operators
from app.workbench.runs import Runs
from celery_sqs import QueuePair, Report, preflight, read_pair, sqs_client
from celery_sqs.dependencies import Recent
from celery_sqs.dlq import DeadLetterService
from celery_sqs.monitor import EventReader
from tasks.application import endpoint

#: Seconds that an answer of SQS is shown for. What the queues' settings mean changes only when somebody changes them.
NUMBERS_KEPT: Final = 3.0
REPORT_KEPT: Final = 30.0


@dataclass(frozen=True)
class Parts:
    """The workbench's parts.

    Attributes:
        operators: who may use it.
        event_reader: the states of tasks and workers.
        dlq: the messages in the DLQ, and their repairs.
        history: what became of an order.
        runs: what takes longer than a page.
        numbers: SQS's numbers on both queues.
        report: what the queues' settings mean, and what contradicts them.
    """

    NAME: ClassVar = "order-intake-monitor"

    operators: Operators
    event_reader: EventReader
    dlq: DeadLetterService
    history: History
    runs: Runs
    numbers: Recent[QueuePair]
    report: Recent[Report]

    @classmethod
    def of(cls, services: Services) -> "Parts":
        """The parts for an application."""
        settings = services.settings
        place = endpoint(settings)
        urls = (settings.sqs_queue_url, settings.sqs_dlq_url)
        return cls(
            operators=Operators(settings.operators, settings.order_id_secret),
            event_reader=EventReader(services.engine),
            dlq=services.dlq,
            history=services.history,
            runs=Runs(services.dlq),
            numbers=Recent(lambda: read_pair(sqs_client(place), *urls), NUMBERS_KEPT),
            report=Recent(lambda: preflight(services.celery)[0], REPORT_KEPT),
        )


def parts() -> Parts:
    """The current application's parts."""
    made: Parts = current_app.extensions[Parts.NAME]
    return made
