"""Work that takes longer than a page: it runs on, and the pages look at what it has done so far."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from celery_sqs import system
from celery_sqs.dlq import AlreadyRunning, DeadLetterServices

logger = logging.getLogger(__name__)

#: Failures that are remembered, for the pages that show them.
MAX_ERRORS: Final = 100


class Runs:
    """What runs in this process.

    A process that ends takes its runs with it. That loses nothing: a repair is on record, and goes on when
    an operator of any process says so; a scan of the queue can be started again.

    Args:
        dlq: does the work.
    """

    def __init__(self, dlq: DeadLetterServices) -> None:
        self._dlq = dlq
        self._lock = system.threading.Lock()
        self._running: dict[str, system.threading.Thread] = {}
        self._errors: dict[str, str] = {}

    def scan(self, queues: Sequence[str], timeout: float) -> datetime:
        """Scan the DLQs of queues; returns when that began, after `timeout` seconds at the latest."""
        began_at, deadline = system.now(UTC), system.time.monotonic() + timeout
        for queue in queues:
            self._start(_scan_of(queue), self._dlq[queue].scan)
        for queue in queues:
            thread = self._running.get(_scan_of(queue))
            if thread is not None:
                thread.join(max(0.0, deadline - system.time.monotonic()))
        return began_at

    def repair(self, repair_id: str) -> None:
        """Do what is left of a repair."""
        self._start(repair_id, lambda: self._dlq[self._dlq.repairs.progress(repair_id).queue].repairs.run(repair_id))

    def error(self, repair_id: str) -> str | None:
        """Why a repair has ended before its time, as far as this process knows."""
        return self._errors.get(repair_id)

    def scan_error(self, queue: str) -> str | None:
        """Why the last scan of a queue's DLQ that somebody asked for here has failed."""
        return self._errors.get(_scan_of(queue))

    def _start(self, name: str, work: Callable[[], Any]) -> None:
        """Run work on a thread of its own, unless it runs already."""
        with self._lock:
            if name in self._running:
                return
            self._errors.pop(name, None)
            thread = system.threading.Thread(
                target=self._run, args=(name, work), name=f"sqs-workbench-{name}", daemon=True
            )
            self._running[name] = thread
            thread.start()

    def _run(self, name: str, work: Callable[[], Any]) -> None:
        error_text = None
        try:
            work()
        except AlreadyRunning:
            logger.info("another process is at it", extra={"run": name})
        # Nobody waits for this thread: what went wrong is shown on the page that asks.
        except Exception as error:
            logger.exception("a run of the workbench has failed", extra={"run": name})
            error_text = f"{type(error).__name__}: {error}"
        with self._lock:
            del self._running[name]
            if error_text is not None:
                self._errors[name] = error_text
                while len(self._errors) > MAX_ERRORS:
                    del self._errors[next(iter(self._errors))]


def _scan_of(queue: str) -> str:
    return f"scan of {queue}"
