"""The rescuer: every few minutes one of the processes with a workbench scans the DLQ.

It runs there because a workbench's role may take messages out of the DLQ, and send. No worker may.
"""

import threading
from datetime import timedelta
from typing import ClassVar, Final

import structlog

from app.services import Services
from celery_sqs.dlq import DeadLetterService

logger = structlog.stdlib.get_logger(__name__)

#: Seconds between two questions of a process whether a run is due.
ASKED_EVERY: Final = 10.0


class Rescuer:
    """Rescues what is dead with attempts left, on a thread of this process: see `celery_sqs.dlq.Rescue`.

    A process that is killed takes its pass with it. The next one goes on with it.

    Args:
        dlq: does the work.
        every: the time between two passes, of all processes together.
    """

    NAME: ClassVar = "order-intake-rescuer"

    def __init__(self, dlq: DeadLetterService, every: timedelta) -> None:
        self._dlq = dlq
        self._every = every
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._last_error = ""

    @classmethod
    def of(cls, services: Services) -> "Rescuer | None":
        """The rescuer of an application; None where it has no workbench, or the setting says so."""
        settings = services.settings
        if not (settings.operators and settings.dlq_rescue_minutes):
            return None
        return cls(services.dlq, timedelta(minutes=settings.dlq_rescue_minutes))

    def start(self) -> None:
        """Begin, in a process that serves requests."""
        self._thread = threading.Thread(target=self._run, name="rescuer", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Begin no further pass; waits for one under way, for so many seconds at the most."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            self._pass()
            if self._stopped.wait(ASKED_EVERY):
                return

    def _pass(self) -> None:
        try:
            self._dlq.rescue.run_if_due(self._every)
        # SQS or the database is away, or whatever else: there is a next time.
        except Exception as error:
            error_text = f"{type(error).__name__}: {error}"
            if error_text != self._last_error:
                logger.warning("the DLQ could not be scanned", error=error_text)
            self._last_error = error_text
        else:
            self._last_error = ""
