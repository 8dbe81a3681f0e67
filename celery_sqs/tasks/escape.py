"""What a task raises and must not get out: it would end the process, for all other tasks too."""

from billiard.common import terminate_handler_fired  # type: ignore[attr-defined]  # the stubs lag behind
from celery.exceptions import WorkerShutdown, WorkerTerminate


class Escaped(Exception):
    """What a task raised that would have ended the process which runs it, for all others too."""


def escapes(error: BaseException) -> bool:
    """Whether what a task raised would end more than the attempt.

    Celery takes a MemoryError in the worker's main process for its own, and a SystemExit for a killed
    process: celery.worker.request.Request.on_failure. What ends the process from outside is not the
    task's: Celery's own signals, and the pool's, whose handler raises SystemExit wherever the child is.
    """
    harmless = isinstance(error, Exception) and not isinstance(error, MemoryError)
    from_outside = isinstance(error, (WorkerShutdown, WorkerTerminate)) or terminate_handler_fired()
    return not harmless and not from_outside
