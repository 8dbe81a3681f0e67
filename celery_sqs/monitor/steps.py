"""The monitor's steps in a worker's blueprint: events of what it receives, and remote control.

https://docs.celeryq.dev/en/stable/userguide/extending.html
"""

import functools
import logging
from typing import Any

from celery import bootsteps, signals
from sqlalchemy.exc import SQLAlchemyError

from celery_sqs.errors import Misconfigured
from celery_sqs.monitor.control.commands import CommandStore
from celery_sqs.monitor.control.listener import CommandListener
from celery_sqs.monitor.control.panel import handle, panel_state
from celery_sqs.monitor.control.pause_reader import PauseReader
from celery_sqs.monitor.dispatcher import TaskEventDispatcher
from celery_sqs.monitor.engine import engine_of
from celery_sqs.monitor.housekeeping.housekeeper import Housekeeper
from celery_sqs.monitor.pauses import PauseStore
from celery_sqs.monitor.schema.completeness import lacking
from celery_sqs.settings import Settings
from celery_sqs.worker.consumer import Consumer
from celery_sqs.worker.request import SQSRequest

logger = logging.getLogger(__name__)


class Schema(bootsteps.StartStopStep):
    """Ends a worker whose database lacks tables that this version needs, as preflight does with a contradiction."""

    def start(self, parent: Any) -> None:
        """Ask the database. One that does not answer is no reason not to start."""
        engine = engine_of(parent.app)
        try:
            missing = lacking(engine)
        except SQLAlchemyError:
            return  # what needs it says so
        finally:
            engine.dispose()
        if missing is None:
            return
        logger.critical("%s", missing)
        if Settings.of(parent.app.conf).preflight == "refuse":
            raise SystemExit(Misconfigured.exit_code)


class Monitoring(bootsteps.StartStopStep):
    """Sends an event for each message that is received, and keeps the tables in order."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Consumer, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._housekeeper: Housekeeper | None = None

    def start(self, parent: Consumer) -> None:
        """Begin."""
        signals.task_received.connect(_send_received, weak=False, dispatch_uid=__name__)
        dispatcher = parent.event_dispatcher
        if isinstance(dispatcher, TaskEventDispatcher) and dispatcher.enabled:
            dispatcher.worker.stats = lambda: parent.health.report() if parent.health else {}
        self._housekeeper = Housekeeper(parent.app, engine_of(parent.app))
        self._housekeeper.start()

    def stop(self, parent: Consumer) -> None:
        """Leave the tables to the other workers."""
        if self._housekeeper is not None:
            self._housekeeper.stop()


class RemoteControl(bootsteps.StartStopStep):
    """Answers commands. `worker_enable_remote_control` is off, so Celery's own step for that does not run."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Consumer, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._engine = engine_of(parent.app)
        self._listener: CommandListener | None = None

    def start(self, parent: Consumer) -> None:
        """Begin to listen."""
        may_revoke = parent.app.conf.sqs_monitor_revoke
        handle_here = functools.partial(handle, panel_state(parent), may_revoke)
        reader = PauseReader(PauseStore(self._engine), parent.task_consumer.channel.pauses.set)
        self._listener = CommandListener(
            CommandStore(self._engine), parent.hostname, handle_here, parent.call_soon, may_revoke, reader
        )
        self._listener.start()

    def stop(self, parent: Consumer) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.stop()


def _send_received(sender: Any, request: Any, **_: Any) -> None:
    """On Celery's signal for a received call, which comes before it is scheduled, run or parked."""
    if isinstance(request, SQSRequest):
        request.send_event(
            "task-received",
            args=request.argsrepr,
            kwargs=request.kwargsrepr,
            subject=request.task.subject(*request.args, **request.kwargs),
        )
