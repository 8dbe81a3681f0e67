"""Celery's `app.control` where there is no monitor: it says what is missing instead of broadcasting."""

from typing import Any, NoReturn

from celery.app import control

from celery_sqs.errors import Misconfigured


class Control(control.Control):
    """Refuses what SQS cannot carry. The rest is Celery's."""

    def broadcast(self, command: str, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: no command reaches a worker.

        Raises:
            Misconfigured: always.
        """
        raise Misconfigured(f"{command} reaches no worker: sqs_monitor_database is not set, and SQS has no broadcast")
