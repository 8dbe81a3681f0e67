"""Celery's `app.control` and `app.events` where there is no monitor: nothing is broadcast.

The first says what is missing. The second drops the events that Celery sends unasked, such as a worker's heartbeats;
`celery_sqs.settings` refuses a setting that asks for events.
"""

from typing import Any, NoReturn

from celery.app import control, events
from celery.events import dispatcher

from celery_sqs.errors import Misconfigured


class Control(control.Control):
    """Refuses what SQS cannot carry. The rest is Celery's."""

    def broadcast(self, command: str, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: no command reaches a worker.

        Raises:
            Misconfigured: always.
        """
        raise Misconfigured(f"{command} reaches no worker: sqs_monitor_database is not set, and SQS has no broadcast")


class EventDispatcher(dispatcher.EventDispatcher):
    """Sends nothing. Celery's own keeps each event that the broker refuses, for as long as the process lives."""

    DISABLED_TRANSPORTS = {"sqs"}  # noqa: RUF012  # as Celery has it

    def publish(self, *_: Any, **__: Any) -> None:
        """Nothing: not even where it is disabled does Celery's own leave this out."""


class Events(events.Events):
    """`app.events`, with our dispatcher."""

    dispatcher_cls = "celery_sqs.without_monitor:EventDispatcher"
