"""Tables of an app that has several queues say which queue a line is of."""

from collections.abc import Sequence
from typing import Any, Final

from celery_sqs.dlq import DeadLetterServices
from celery_sqs.dlq.cli.screen import print_table

QUEUE: Final = "QUEUE"


class QueueColumn:
    """Prints tables, with the queue as their first column where there are several.

    Args:
        services: of the queues.
    """

    def __init__(self, services: DeadLetterServices) -> None:
        self._is_shown = len(services.names) > 1

    def print_table(self, header: Sequence[str], rows: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Print rows, each with the name of its queue."""
        if self._is_shown:
            print_table((QUEUE, *header), [(queue, *row) for queue, row in rows])
        else:
            print_table(header, [row for _, row in rows])
