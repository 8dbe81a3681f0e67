"""The Task base class: a task whose failures are SQS's business.

SQS counts a message's receives and moves it to the DLQ after the last one. So the attempt number
of a task is its message's receive count, and a failed attempt is a message left alone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, NoReturn

import structlog
from celery import Task
from celery.exceptions import Ignore, Reject
from celery.worker import state
from celery.worker.request import Request

from tasks.sqs import exact_json
from tasks.sqs.producer import producer

logger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A run of a task that failed.

    Attributes:
        task: the task's name.
        task_id: the message's task id.
        args: the call's positional arguments.
        error: what was raised.
        traceback: where, as text.
        receive_count: how often SQS has handed out the message, this time included.
        worker: the worker's name.
        final: whether the queue allows no further receive.
        failed_at: when; aware, UTC.
    """

    task: str
    task_id: str
    args: tuple[Any, ...]
    error: BaseException
    traceback: str
    receive_count: int
    worker: str
    final: bool
    failed_at: datetime


class SQSRequest(Request):
    """A task's message in the worker's main process."""

    _run_again_at_once = False

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:
        """Note whether waiting could change anything before Celery rejects the message."""
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        self._run_again_at_once = isinstance(error, self.task.permanent)
        if isinstance(error, Ignore):
            state.task_ready(self)
            # Celery would delete the message of a task that did not do its work.
            return self.reject(requeue=False)
        return super().on_failure(exc_info, send_failed_event, return_ok)

    def on_timeout(self, soft: bool, timeout: float) -> Any:
        """Run Celery's handler with the request in place, so that `on_failure` knows which message it was."""
        self.task.request_stack.push(self._context)
        try:
            return super().on_timeout(soft, timeout)
        finally:
            self.task.request_stack.pop()

    def acknowledge(self) -> None:
        """Delete the message. A pool's thread only plans it, so the event loop is woken to do it."""
        super().acknowledge()
        self.message.channel.wake()

    def reject(self, requeue: bool = False) -> None:
        """Leave the message to SQS; visible at once where waiting changes nothing."""
        super().reject(requeue=requeue or self._run_again_at_once)
        self.message.channel.wake()


class SQSTask(Task):  # type: ignore[type-arg]  # generic in the stubs only
    """Base of every task.

    Attributes:
        permanent: exceptions that no later attempt can mend. Such a message is visible again at
            once, so it goes through its remaining receives and into the DLQ within a second.
    """

    abstract = True

    acks_late = True
    acks_on_failure = False
    acks_on_timeout = False
    reject_on_worker_lost = True
    ignore_result = True
    serializer = exact_json.SERIALIZER
    Request = "tasks.sqs.task:SQSRequest"

    permanent: ClassVar[tuple[type[BaseException], ...]] = ()

    @property
    def receive_count(self) -> int:
        """How often SQS has handed out the message of the current request, this time included."""
        return int(self.request.retries or 0) + 1

    def apply_async(  # type: ignore[override]  # Celery's has twenty parameters; these pass them on
        self, args: Any = None, kwargs: Any = None, **options: Any
    ) -> Any:
        """Call the task: returns once SQS has confirmed the message, raises NotConfirmed if it has not in time.

        `argsrepr` is not made, as it does not travel: the receiving side has the arguments themselves.
        Nothing is declared before either: SQS's queues are there before those who use them.
        """
        ours = {"argsrepr": "", "kwargsrepr": "", "declare": (), "producer": producer(self.app)}
        return super().apply_async(args, kwargs, **{**ours, **options})

    def retry(self, *args: Any, exc: BaseException | None = None, **options: Any) -> NoReturn:
        """Give the attempt up, so that SQS delivers the same message again.

        Celery's own would send a new message and delete this one, and the receive count would start
        anew: https://docs.celeryq.dev/en/stable/userguide/tasks.html#retrying

        Raises:
            BaseException: `exc` if given, else celery.exceptions.Reject.
        """
        raise exc or Reject("the task asked for another attempt", requeue=False)

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Celery's hook before a run: let all log lines of the run say which one it is."""
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(task_id=task_id, **self.log_context(*args))

    def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Celery's hook for a failed run: log the attempt and record it."""
        attempt = Attempt(
            task=self.name,
            task_id=task_id,
            args=tuple(args),
            error=exc,
            traceback=str(einfo.traceback) if einfo else "",
            receive_count=self.receive_count,
            worker=self.request.hostname or "",
            final=self.receive_count >= self.app.conf.sqs_max_receive_count,
            failed_at=datetime.now(UTC),
        )
        with structlog.contextvars.bound_contextvars(task_id=task_id, **self.log_context(*args)):
            logger.error(
                "attempt failed",
                task=self.name,
                receive_count=attempt.receive_count,
                final=attempt.final,
                error=f"{type(exc).__name__}: {exc}",
                traceback=attempt.traceback,
            )
            try:
                self.record_attempt(attempt)
            # The record must not decide over the message: it is SQS that keeps it.
            except Exception as error:
                logger.error("the failed attempt could not be recorded", error=repr(error))

    def record_attempt(self, attempt: Attempt) -> None:
        """Keep a failed attempt somewhere. Nowhere unless a subclass says where."""

    def log_context(self, *args: Any) -> dict[str, Any]:
        """What the logs of a call carry besides its task id."""
        return {}
