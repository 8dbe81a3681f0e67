"""The repair bench: all that the pages and the command line work with, put together once."""

from collections.abc import Container, Sequence

from celery import current_app
from sqlalchemy import Engine

from celery_sqs.dlq.queue import DeadLetterQueue
from config.settings import Settings
from orders.store import OrderStore
from tasks.application import endpoint
from tasks.repair.census import Census, take_census
from tasks.repair.letters import Letter, Letters
from tasks.repair.repairs import Repairs
from tasks.repair.sweep import Pace
from tasks.repair.timeline import TimeLine, timeline
from tasks.repair.trial import Trial, try_edit, try_out


class Bench:
    """The repair bench of one pair of queues.

    Args:
        engine: from `orders.database.connect`.
        queue: the DLQ.
        pace: how fast repairs go.

    Attributes:
        letters: the mirror of the DLQ.
        repairs: what is and was done about it.
    """

    def __init__(self, engine: Engine, queue: DeadLetterQueue, pace: Pace | None = None) -> None:
        self._engine = engine
        self._queue = queue
        self._store = OrderStore(engine)
        self.letters = Letters(engine)
        self.repairs = Repairs(engine, queue, _known_tasks, pace)

    @classmethod
    def of(cls, settings: Settings, engine: Engine) -> "Bench":
        """The bench for these settings. Neither SQS nor the database is asked yet."""
        return cls(engine, DeadLetterQueue(endpoint(settings), settings.sqs_queue_url, settings.sqs_dlq_url))

    def take_census(self) -> Census:
        """Look into the DLQ and bring the mirror up to date; while another process looks, wait for its result.

        Raises:
            celery_sqs.worker.errors.CallFailed: SQS cannot be asked.
        """
        return take_census(self._engine, self._queue)

    def try_out(self, letters: Sequence[Letter]) -> list[Trial]:
        """Dry run: would today's code accept these? In their order; nothing is written."""
        return try_out(letters, self._store, _known_tasks())

    def try_body(self, letter: Letter, new_body: str) -> Trial:
        """Dry run of a letter with another body, which has to be about the same order."""
        return try_edit(letter, new_body, self._store, _known_tasks())

    def timeline(self, named: str) -> TimeLine | None:
        """What is known of an order or task by its id; None if nothing is."""
        return timeline(self._engine, named)


def _known_tasks() -> Container[str]:
    """The names of the tasks that workers have: this process and they load the same."""
    names: Container[str] = current_app.tasks
    return names
