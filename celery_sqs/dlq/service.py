"""The entry points of all work on dead-letter queues: scan them, try their messages, repair these."""

from collections.abc import Collection, Iterator, Sequence

from celery import Celery
from sqlalchemy import Engine

from celery_sqs.dlq.attempts import AttemptReader, TaskAttempts
from celery_sqs.dlq.dead_messages import DeadMessage, DeadMessages
from celery_sqs.dlq.hooks import TaskHooks
from celery_sqs.dlq.queue import DeadLetterQueue
from celery_sqs.dlq.repair.log import RepairLog
from celery_sqs.dlq.repair.repairs import Repairs
from celery_sqs.dlq.repair.throttle import Throttle
from celery_sqs.dlq.scan import ScanResult, scan
from celery_sqs.dlq.scheduled.rescue import Rescue
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
        name: Celery's name of the work queue.
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
        self.name = queue.name
        self._queue = queue
        place = Settings.of(app.conf).at(queue.work_url)
        self._hooks = TaskHooks(app, place.tasks, place.envelope)
        self._snapshot = Snapshot(engine, queue.name, attempts, self._hooks)
        self._pauses = PauseStore(engine)
        self.messages = DeadMessages(engine, [queue.name])
        self.repairs = Repairs(engine, queue, self._snapshot, attempts, self._hooks, throttle, self._paused)
        self.rescue = Rescue(engine, queue, self._snapshot, attempts, self._hooks, self.repairs)

    def _paused(self) -> str | None:
        """Who has paused the queue that messages are sent to, and why."""
        pause = self._pauses.current().get(self.name)
        return None if pause is None else str(pause)

    @classmethod
    def of(cls, app: Celery, queue: str | None = None) -> "DeadLetterService":
        """The service of one of an app's DLQs, by its settings alone, with the attempts that its tasks can read.

        Args:
            app: the Celery application, whose modules with tasks are imported.
            queue: Celery's name of the queue whose DLQ it is; else the default queue.

        Raises:
            celery_sqs.errors.Misconfigured: a setting is missing or wrong, or there is no such queue.
        """
        services = DeadLetterServices.of(app)
        return services[queue or services.names[0]]

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


class DeadLetterServices:
    """The work on all DLQs of an app, or on some of them. Neither SQS nor the database is asked before it has to be.

    Args:
        services: at least one; all on the same database.
        listed: Celery's names of the queues whose repairs are listed; None: all there ever were.

    Attributes:
        engine: to the database.
        names: Celery's names of the work queues.
        messages: what is known of the messages in the DLQs.
        repairs: the repairs; they are planned and run by the service of their queue.
    """

    def __init__(self, services: Sequence[DeadLetterService], listed: Collection[str] | None = None) -> None:
        self._services = {service.name: service for service in services}
        self.engine = services[0].engine
        self.names = tuple(self._services)
        self.messages = DeadMessages(self.engine, self.names)
        self.repairs = RepairLog(self.engine, listed)

    @classmethod
    def of(cls, app: Celery) -> "DeadLetterServices":
        """Those of an app, by its settings alone, with the attempts that its tasks can read.

        Args:
            app: the Celery application, whose modules with tasks are imported.

        Raises:
            celery_sqs.errors.Misconfigured: a setting is missing or wrong.
        """
        settings = Settings.of(app.conf)
        if settings.monitor_database is None:
            raise Misconfigured("sqs_monitor_database: not set; the tables of the DLQ are in that database")
        engine = make_engine(settings.monitor_database)
        among: list[DeadLetterQueue] = []
        services = []
        for name, place in settings.queues.items():
            queue = DeadLetterQueue(settings.endpoint, place.url, place.dlq_url, name=name, among=among)
            among.append(queue)
            services.append(DeadLetterService(app, engine, queue, TaskAttempts(app, place.tasks)))
        return cls(services)

    def only(self, name: str) -> "DeadLetterServices":
        """The same, for one of the queues; raises `Misconfigured` if there is no such queue."""
        return DeadLetterServices([self[name]], [name])

    def __iter__(self) -> Iterator[DeadLetterService]:
        return iter(self._services.values())

    def __getitem__(self, name: str) -> DeadLetterService:
        """The service of a queue's DLQ, by Celery's name of the queue; raises `Misconfigured` if there is none."""
        if name not in self._services:
            raise Misconfigured(f"sqs_queues: there is no queue {name!r}; there are {', '.join(self.names)}")
        return self._services[name]
