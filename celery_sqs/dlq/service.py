"""The entry point of all work on a dead-letter queue: scan it, try its messages, repair them."""

from collections.abc import Sequence

from celery import Celery
from sqlalchemy import Engine

from celery_sqs.dlq.attempts import AttemptReader, TaskAttempts
from celery_sqs.dlq.dead_messages import DeadMessage, DeadMessages
from celery_sqs.dlq.hooks import TaskHooks
from celery_sqs.dlq.queue import DeadLetterQueue
from celery_sqs.dlq.repair.repairs import Repairs
from celery_sqs.dlq.repair.throttle import Throttle
from celery_sqs.dlq.rescue import Rescue
from celery_sqs.dlq.scan import ScanResult, scan
from celery_sqs.dlq.snapshot import Snapshot
from celery_sqs.errors import Misconfigured
from celery_sqs.monitor.engine import make_engine
from celery_sqs.monitor.pauses import PauseStore
from celery_sqs.settings import Settings
from celery_sqs.tasks.dry_run import DryRun


class DeadLetterService:
    """The work on one DLQ. Neither SQS nor the database is asked before a method is called.

    Args:
        app: the Celery application whose workers run the messages' tasks.
        engine: to the database with the tables of `celery_sqs.dlq` and `celery_sqs.monitor`.
        queue: the DLQ.
        attempts: the failed attempts on record.
        throttle: how fast repairs are.

    Raises:
        celery_sqs.errors.Misconfigured: a setting of the app is missing or wrong.

    Attributes:
        engine: to the database.
        messages: what is known of the messages in the DLQ.
        repairs: plans, runs and lists repairs.
        rescue: sends again what is dead with attempts left.
    """

    def __init__(
        self,
        app: Celery,
        engine: Engine,
        queue: DeadLetterQueue,
        attempts: AttemptReader,
        throttle: Throttle | None = None,
    ) -> None:
        self.engine = engine
        self._queue = queue
        settings = Settings.of(app.conf)
        place = settings.at(queue.work_url)
        self._hooks = TaskHooks(app, place.tasks, place.envelope)
        self._names = {name for name, each in settings.queues.items() if each.url == queue.work_url}
        self._snapshot = Snapshot(engine, attempts, self._hooks)
        self._pauses = PauseStore(engine)
        self.messages = DeadMessages(engine)
        self.repairs = Repairs(engine, queue, self._snapshot, attempts, self._hooks, throttle, self._paused)
        self.rescue = Rescue(engine, queue, self._snapshot, attempts, self._hooks, self.repairs)

    def _paused(self) -> str | None:
        """Who has paused the queue that messages are sent to, and why."""
        return next((str(pause) for name, pause in self._pauses.current().items() if name in self._names), None)

    @classmethod
    def of(cls, app: Celery, queue: str | None = None) -> "DeadLetterService":
        """The service of an app's DLQ, by its settings alone, with the attempts that its tasks can read.

        Args:
            app: the Celery application, whose modules with tasks are imported.
            queue: Celery's name of the queue whose DLQ it is; else the default queue.

        Raises:
            celery_sqs.errors.Misconfigured: a setting is missing or wrong, or there is no such queue.
        """
        settings = Settings.of(app.conf)
        if settings.monitor_database is None:
            raise Misconfigured("sqs_monitor_database: not set; the tables of the DLQ are in that database")
        place = settings.queue(queue or settings.default_queue)
        dead_letter_queue = DeadLetterQueue(settings.endpoint, place.url, place.dlq_url)
        return cls(app, make_engine(settings.monitor_database), dead_letter_queue, TaskAttempts(app, place.tasks))

    def scan(self) -> ScanResult:
        """Scan the DLQ and bring `messages` up to date; while another process scans, wait for its result.

        Raises:
            celery_sqs.errors.CallFailed: SQS cannot be asked.
            sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
        """
        return scan(self.engine, self._queue, self._snapshot)

    def dry_run(self, messages: Sequence[DeadMessage]) -> list[DryRun]:
        """Whether the code of today would accept messages; an answer for each, in their order. Nothing is written.

        Raises:
            Exception: what `SQSTask.dry_run` of a task raises.
        """
        return self._hooks.dry_run(messages)

    def dry_run_edit(self, message: DeadMessage, new_body: str) -> DryRun:
        """Whether a message would be accepted with another body, which has to be about the same subject.

        Raises:
            Exception: what `SQSTask.dry_run` of the task raises.
        """
        return self._hooks.dry_run_edit(message, new_body)
