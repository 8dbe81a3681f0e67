"""The schedule of scans: each DLQ is scanned every minute or so, by one of the processes that have a schedule.

So what is known of a DLQ is fresh before anybody looks at it, and what is dead with attempts left is sent again.
It belongs where the DLQ may be worked on, in the processes of a workbench, and not to workers: they may send, and may
take nothing out of a DLQ.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from celery_sqs import system
from celery_sqs.dlq.service import DeadLetterServices
from celery_sqs.threads import Guarded
from celery_sqs.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

#: Between two scans of a DLQ, of all processes together.
EVERY: Final = timedelta(minutes=1)

#: Seconds between two questions of a process whether a scan is due.
ASKED_EVERY: Final = 10.0


class ScanSchedule:
    """Scans the DLQs of an app, and rescues what is in them (`celery_sqs.dlq.Rescue`), on one thread of this process.

    The DLQs are scanned one after the other. A scan takes `celery_sqs.dlq.queue.LONGEST_SCAN` seconds at the most, and
    a rescue goes on until it is known what became of its messages; meanwhile other processes scan the other DLQs. A
    process that is killed takes its scan with it, and the next one goes on with its rescue.

    Args:
        services: do the work.
        every: the time between two scans of a DLQ, of all processes together.
        asked_every: seconds between two questions whether a scan is due.
        after_scan: called after each scan by this process, on its thread.
    """

    def __init__(
        self,
        services: DeadLetterServices,
        every: timedelta = EVERY,
        asked_every: float = ASKED_EVERY,
        after_scan: Callable[[], object] = lambda: None,
    ) -> None:
        self._services = services
        self._every = every
        self._asked_every = asked_every
        self._after_scan = after_scan
        self._after_scan_log = ThrottledLog(logger, "what follows a scan of a DLQ has failed")
        self._stopped = system.threading.Event()
        self._thread: Guarded | None = None
        self._errors: dict[str, str] = {}

    def start(self) -> None:
        """Begin. Call it in each process that serves, after its last fork; called again, it does nothing."""
        if self._thread is None:
            self._thread = Guarded(self._run, name="sqs-scan-schedule")
            self._thread.start()

    def stop(self, timeout: float) -> None:
        """Begin no further scan; waits for one under way, for so many seconds at the most."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def error(self, queue: str) -> str | None:
        """Why this process could not scan a queue's DLQ the last time; None where it could, or has not been due."""
        return self._errors.get(queue)

    def _run(self) -> None:
        while not self._stopped.is_set():
            for service in self._services:
                self._scan(service.name)
            self._stopped.wait(self._asked_every)

    def _scan(self, queue: str) -> None:
        if self._stopped.is_set():
            return
        try:
            has_scanned = self._services[queue].rescue.run_if_due(self._every) is not None
        # SQS or the database is away, or whatever else: there is a next time, and there are other queues.
        except Exception as error:
            error_text = f"{type(error).__name__}: {error}"
            if error_text != self._errors.get(queue):
                logger.warning("the DLQ of %s could not be scanned: %s", queue, error_text)
            self._errors[queue] = error_text
        else:
            self._errors.pop(queue, None)
            if has_scanned:
                self._follow_up()

    def _follow_up(self) -> None:
        try:
            self._after_scan()
        except Exception as error:  # a host's own, or the database is away: there is a next time
            self._after_scan_log.warning(repr(error))
