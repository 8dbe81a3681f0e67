"""The page on a queue and its DLQ: what SQS says of them, and what their settings mean for a message."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from celery_sqs import QueuePair, system
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.requested_queue import requested
from celery_sqs.workbench.views import page


@dataclass(frozen=True, slots=True)
class Row:
    """An attribute of both queues, side by side; a value is None where a queue does not have it."""

    name: str
    label: str
    work: str | None
    dlq: str | None


@page("/queues", "queues.html", needs_database=False)
def queues() -> dict[str, Any]:
    """Both queues' attributes, the time line to the DLQ and what contradicts what."""
    return about_queues()


def about_queues() -> dict[str, Any]:
    """What is on the page."""
    queue = requested() or parts().dlq.names[0]
    report, numbers = parts().reports[queue].answer(), parts().numbers[queue].answer()
    return {
        "now": system.now(UTC),
        "queue": queue,
        "sqs": numbers,
        "rows": _rows(numbers.value) if numbers.value else [],
        "report": report,
        "timeline": _pairs(report.value.timeline) if report.value else [],
        "contradictions": report.value.contradictions if report.value else [],
    }


def _pairs(timeline: str) -> list[tuple[str, str]]:
    """The time line's lines as what and how; the first one names the queues."""
    lines = [line.strip() for line in timeline.splitlines()[1:]]
    return [(what.strip(), how.strip()) for what, _, how in (line.partition("  ") for line in lines)]


def _rows(both: QueuePair) -> list[Row]:
    """The attributes of both, those that matter most first."""
    queues = (both.work.attributes, both.dlq.attributes if both.dlq else ())
    labels = {attribute.name: attribute.label for attributes in queues for attribute in attributes}
    work, dlq = ({attribute.name: attribute.text for attribute in attributes} for attributes in queues)
    return [Row(name, label, work.get(name), dlq.get(name)) for name, label in labels.items()]
