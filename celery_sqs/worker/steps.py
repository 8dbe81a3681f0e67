"""What a worker does before its first receive and at its end, as steps of Celery's blueprints.

https://docs.celeryq.dev/en/stable/userguide/extending.html
"""

import functools
import gc
import logging
from collections.abc import Callable
from typing import Any, Final

from billiard import pool
from celery import bootsteps
from celery.concurrency import solo

from celery_sqs.consume.delivery import State
from celery_sqs.errors import CallFailed, Misconfigured, Unpurgeable
from celery_sqs.settings import NO_EVENTS, Settings
from celery_sqs.tasks.task import SQSTask
from celery_sqs.worker.consumer import Consumer
from celery_sqs.worker.health import Health
from celery_sqs.worker.owner import WorkerOwner
from celery_sqs.worker.preflight import Report, of_app, of_lists, preflight

logger = logging.getLogger(__name__)

#: Seconds between two looks of the event loop at what waits, when nothing wakes it: a lease that has ended does not.
LOOK_EVERY: Final = 1.0

NEW_OBJECTS: Final = 10_000  # between two collections of garbage

RESULT_LOOKS: Final = 10  # a tenth of a second apart

_REQUIRES: Final = ("celery.worker.consumer.tasks:Tasks",)


class Preflight(bootsteps.StartStopStep):
    """Checks pool and settings, compares the queues with them, and ends a worker that they contradict."""

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        # Without the event loop it would be kombu's own polling that receives, and our tasks do not run on that.
        if parent.pool_cls.is_green or not parent.use_eventloop:
            raise Misconfigured(
                "worker_pool: gevent and eventlet run without the event loop that receives from SQS; "
                "use prefork, threads or solo, and patch nothing"
            )
        if getattr(parent, "purge", False):  # a worker that is embedded in another program has none
            if not Settings.of(parent.app.conf).purge_allowed:
                raise Misconfigured("sqs_purge_allowed: it is not set, so a worker takes no --purge")
            # Celery calls it before any step starts.
            parent.purge_messages = functools.partial(_purge, parent.purge_messages)

    def start(self, parent: Any) -> None:
        """Ask SQS. One that cannot be asked is no reason not to start: the worker waits for it."""
        try:
            settings = _settings(parent)
            reports = _reports(parent.app)
        except Misconfigured as error:
            logger.critical("%s", error)
            raise SystemExit(Misconfigured.exit_code) from error
        for line in (line for report in reports for line in report.timeline.splitlines()):
            logger.info("%s", line)
        contradictions = [line for report in reports for line in report.contradictions]
        for contradiction in contradictions:
            logger.critical("%s", contradiction)
        if contradictions and settings.preflight == "refuse":
            raise SystemExit(Misconfigured.exit_code)


def _settings(worker: Any) -> Settings:
    """The settings of a worker's app.

    Raises:
        Misconfigured: one is missing or wrong, or the command line asks for events where there is no monitor.
    """
    settings = Settings.of(worker.app.conf)
    if worker.task_events and settings.monitor_database is None:
        raise Misconfigured(f"--task-events: {NO_EVENTS}")
    return settings


def _purge(by_celery: Callable[[], None]) -> None:
    """Purge the queues at the start of a worker; one that SQS refuses to purge ends it with one line."""
    try:
        by_celery()
    except Unpurgeable as error:
        logger.critical("%s", error)
        raise SystemExit(error.exit_code) from error


def _reports(app: Any) -> list[Report]:
    """What preflight says of the queues that the worker receives from; without SQS only of tasks and lists of them."""
    queues = app.amqp.queues.consume_from
    try:
        return preflight(app, queues)
    except CallFailed as error:
        logger.warning("no preflight: %s", error)
        return [Report("", "", [*of_app(app), *of_lists(app, queues)])]


class ShortPoolStop(bootsteps.Step):
    """Patches billiard, so that a pool ends within a second of its last task.

    A pool's child waits until all its results are counted before it ends. At the end of a busy worker
    Celery drops a batch that is under way, its result is never counted, and the end takes 30 seconds:
    billiard.pool.Worker._ensure_messages_consumed, celery.concurrency.asynpool.AsynPool.flush.
    """

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = RESULT_LOOKS


class RareCollections(bootsteps.Step):
    """Has garbage collected less often, in the worker and in the pool's processes, which inherit that.

    A message in flight is dozens of objects that live until it is settled: with Python's own threshold hundreds of
    messages are searched for garbage again and again, and have none. Where collections are off, or rarer, they stay so.
    """

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        threshold, *others = gc.get_threshold()
        if 0 < threshold < NEW_OBJECTS:
            gc.set_threshold(NEW_OBJECTS, *others)


class Readiness(bootsteps.StartStopStep):
    """What the tasks depend on has to be there before the first receive. It may come later, too."""

    requires = _REQUIRES

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._looks: Any = None

    def start(self, parent: Consumer) -> None:
        """Let the channel know its consumer, and wait for what the tasks need."""
        channel = parent.channel = parent.task_consumer.channel
        channel.owner = WorkerOwner(channel, parent)
        self._looks = parent.hub.call_repeatedly(LOOK_EVERY, channel.wake)
        for task in parent.app.tasks.values():
            if isinstance(task, SQSTask):
                channel.depend_on(task)

    def stop(self, parent: Consumer) -> None:
        """Renew or release at once what has not begun, while the pool finishes what has."""
        if self._looks is not None:
            self._looks.cancel()
        for delivery in parent.channel.in_flight.all():
            if not delivery.has_begun and delivery.state is not State.RENEWING:
                parent.channel.settle_at_stop(delivery)


class HealthCheck(bootsteps.StartStopStep):
    """Checks the worker's polls, and answers `GET /healthz` and `GET /metrics`."""

    requires = _REQUIRES

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        parent.health = None

    def start(self, parent: Consumer) -> None:
        """Begin to check and to answer."""
        channel, settings = parent.task_consumer.channel, Settings.of(parent.app.conf)
        is_solo = isinstance(parent.pool, solo.TaskPool)

        def is_busy() -> bool:
            """Whether a task runs in the main thread. Nothing distinguishes a stuck one from a long one there."""
            return is_solo and any(delivery.state is State.RUNNING for delivery in channel.in_flight.all())

        channel.heartbeat.begin(parent.hub, is_busy)
        parent.health = Health(
            channel.in_flight,
            channel.receivers,
            channel.heartbeat,
            settings.health_port,
            settings.health_host,
            standstill=channel.ready.standstill,
        )
        parent.health.start()

    def stop(self, parent: Consumer) -> None:
        """Check and answer no more."""
        if parent.health is not None:
            parent.health.stop()
            parent.health = None
