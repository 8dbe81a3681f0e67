"""`SQSTask`, the base class of every task: SQS itself repeats its attempts.

A failed attempt is a message that is not deleted. SQS counts a message's receives and moves it to the DLQ after the
last one. A task with a store of attempts counts those instead: see `celery_sqs.consume.budget`.
"""

import itertools
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from celery import Task
from celery.exceptions import Retry

from celery_sqs.message import options as call_options
from celery_sqs.message import wire
from celery_sqs.publish import fast_path
from celery_sqs.publish.producer import producer
from celery_sqs.tasks import attempt_log
from celery_sqs.tasks.attempt import Attempt, AttemptStore
from celery_sqs.tasks.decision import BACKOFF_BASE, BACKOFF_CAP, describe, log_error, looks_like_outage
from celery_sqs.tasks.declared import Exceptions, make_tuples
from celery_sqs.tasks.escape import Escaped, escapes
from celery_sqs.tasks.hooks import TaskHooks
from celery_sqs.tasks.message_ids import with_attributes, with_ids
from celery_sqs.tasks.outcomes.attempt_number import AttemptNumber, attempt_of
from celery_sqs.tasks.outcomes.failed_run import closing
from celery_sqs.tasks.outcomes.retries import RetryRequest, retry
from celery_sqs.tasks.outcomes.tracer import make_tracer
from celery_sqs.tasks.suspicion import answers, confirmed

logger = logging.getLogger(__name__)


class SQSTask(TaskHooks, Task):  # type: ignore[type-arg]  # generic in the stubs only
    """Base of every task. `celery_sqs.tasks.decision` says what becomes of the message of one that fails.

    Attributes:
        permanent: exceptions that no later attempt can fix: a class, or classes in a list, a tuple or a set. It is a
            tuple once the task is an app's, as `blocked` and Celery's `throws` are. Such a message is visible again at
            once, so it goes through its remaining receives and into the DLQ within a second.
        blocked: exceptions that say that what this call alone depends on is not to be had now, such as a
            locked row. It is run again by this worker, after a pause, and has not failed.
        backoff_base: seconds before the second attempt, at the most; doubles from there.
        backoff_cap: seconds before any attempt, at the most.
        message_attributes: of the message of each call, as boto3 takes them; a call may have others beside them.
        attempt: the number of the current attempt at this message, from 1. Without an `attempt_store` each receive is
            one. `request.retries` are the failed attempts at all messages of the call.
        max_retries: how often `self.retry` may be called, over all messages of a call; beyond the receives that the
            queue allows it sends a new one. Unless the author sets it, the queue decides. None, where he sets that, is
            without limit.
    """

    abstract = True

    acks_late = True
    acks_on_failure = False
    acks_on_timeout = False
    reject_on_worker_lost = True
    max_retries = None
    Request = "celery_sqs.worker.request:SQSRequest"
    Strategy = "celery_sqs.worker.strategy:strategy"

    attempt = AttemptNumber()

    permanent: ClassVar[Exceptions] = ()
    blocked: ClassVar[Exceptions] = ()
    backoff_base: ClassVar[float] = BACKOFF_BASE
    backoff_cap: ClassVar[float] = BACKOFF_CAP
    message_attributes: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def bind(cls, app: Any) -> Any:
        """Make the class one of an app's tasks. Celery's hook; its annotations are in place then."""
        bound = super().bind(app)
        make_tuples(cls)
        return bound

    @staticmethod
    def is_outage(error: BaseException) -> bool:
        """Whether an error may mean that what the task depends on is away: none, unless a subclass names it.

        In doubt it may: where there is a probe (`is_back`), that has the last word.
        """
        return False

    def is_back(self) -> bool:
        """The probe: whether what the task depends on is there.

        Asked when an outage is suspected, in an outage, and before the first receive. Without one, what `is_outage`
        says is believed.
        """
        return True

    @property
    def attempt_store(self) -> AttemptStore | None:
        """Where failed attempts are kept: they are the budget then, and not SQS's receives. Nowhere by default."""
        return None

    @property
    def has_probe(self) -> bool:
        """Whether `is_back` asks anything."""
        return type(self).is_back is not SQSTask.is_back

    @property
    def receive_count(self) -> int:
        """How often SQS has handed out the message of the current request, all its copies, this time included."""
        return int(getattr(self.request, wire.RECEIVE_COUNT, None) or attempt_of(self.request))

    @property
    def max_receive_count(self) -> int | None:
        """Attempts that the queue of the current request allows; None where it has no redrive policy."""
        limit: int | None = getattr(self.request, wire.MAX_RECEIVE_COUNT, None)
        return limit

    def is_set(self, name: str) -> bool:
        """Whether the author of the task has set an attribute, if only to what is the default here."""
        classes = itertools.takewhile(lambda each: each is not SQSTask, type(self).__mro__)
        return any(name in vars(each) for each in (self, *classes))

    @property
    def __trace__(self) -> Any:
        """Celery's tracer, which runs the task in a worker: made by us wherever Celery makes one."""
        return vars(self).get("_tracer")

    @__trace__.setter
    def __trace__(self, tracer: Any) -> None:
        self._tracer = make_tracer(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run in a worker, where nothing that a task raises may end the process.

        An attempt that fails and is not the last is a Retry, also to those who patch this method.
        """
        request: Any = self.request
        if request.called_directly or request._protected:
            return super().__call__(*args, **kwargs)
        request._protected = 1  # a task that calls itself from now on calls a function
        if request.is_eager:
            return self.run(*args, **kwargs)
        return closing(self, lambda: confirmed(self, lambda: self._run_guarded(*args, **kwargs)))

    def _run_guarded(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.run(*args, **kwargs)
        except BaseException as error:
            if escapes(error):
                raise Escaped(f"{type(error).__name__}: {error}") from error
            raise

    def apply_async(  # type: ignore[override]  # Celery's has twenty parameters; these pass them on
        self, args: Any = None, kwargs: Any = None, **options: Any
    ) -> Any:
        """Call the task: returns once SQS has confirmed the message, raises NotConfirmed if it has not in time.

        Nothing is declared before: SQS's queues are there before those who use them.
        """
        call_options.require(options)
        options = with_attributes(self, with_ids(self, args, kwargs, options))
        fast = fast_path.of(self, args, kwargs, options)
        if fast is not None:
            return fast_path.send(fast, *args, **options)
        ours = {"declare": (), "producer": producer(self.app)}
        if (
            options.get("ignore_result", self.ignore_result) == self.ignore_result
            and not self.app.conf.task_always_eager
        ):
            # What the worker knows of the task does not travel.
            ours["headers"] = {**(options.pop("headers", None) or {}), "ignore_result": None}
        return super().apply_async(args, kwargs, **{**ours, **options})

    def retry(
        self,
        args: Any = None,
        kwargs: Any = None,
        exc: Exception | None = None,
        throw: bool = True,
        eta: datetime | None = None,
        countdown: float | None = None,
        max_retries: int | None = None,
        **options: Any,
    ) -> Retry:
        """Give the attempt up: SQS delivers the same message again, later.

        A new message is sent, and this one deleted then, with arguments or options, without `throw`, with a delay that
        SQS does not take, and where the author allows more retries than the queue has receives.

        Args:
            args: of a new message.
            kwargs: of a new message.
            exc: why; it is what is recorded.
            throw: whether to raise the Retry, or to return it.
            eta: when to try again.
            countdown: seconds until then; without both `default_retry_delay` where that is set, else the back-off.
            max_retries: overrides the task's.
            **options: of a new message, as `apply_async` takes them.

        Raises:
            celery.exceptions.Retry: the attempt is over.
            BaseException: `exc`, or MaxRetriesExceededError, when this was the last attempt.
            celery_sqs.errors.SQSError: SQS has not confirmed the new message.
        """
        return retry(self, RetryRequest(args, kwargs, exc, throw, eta, countdown, max_retries, options))

    def note(self, attempt: Attempt) -> bool:
        """Record a failed attempt and log it; returns False where the store refuses that for good.

        Raises:
            Exception: an outage (`is_outage`) keeps it from being recorded, so the message must not go yet.
        """
        fields = self._fields(attempt)
        if not attempt.kind.is_failed_attempt:
            text = "attempt interrupted (%s): receive %d of %s[%s]: %s"
            which = attempt.receive_count, self.name, attempt.task_id
            logger.debug(text, attempt.kind.value, *which, fields["error"], extra=fields)
            return True
        fields |= {"kind": attempt.kind.value, "final": attempt.final}
        is_recorded = True
        try:
            self.put_on_record(attempt)
        # Nothing else decides over the message: it is SQS that keeps it.
        except Exception as failure:
            if looks_like_outage(self, failure):
                raise
            log_error(logger, failure, "the failed attempt could not be recorded", fields=fields)
            is_recorded = False
        attempt_log.log(self, attempt, fields)  # now, as an outage of the store is no failure of the attempt
        return is_recorded

    def _fields(self, attempt: Attempt) -> dict[str, Any]:
        """What the log line of an attempt carries."""
        fields = {
            "task": self.name,
            "task_id": attempt.task_id,
            "receive_count": attempt.receive_count,
            "error": describe(attempt.error),
        }
        try:
            return fields | attempt_log.loggable(self.log_context(*attempt.args))
        # The author's hook decides over no message.
        except Exception as failure:
            log_error(logger, failure, "what the logs of a call of %s carry is not known", self.name)
            return fields

    def put_on_record(self, attempt: Attempt) -> None:
        """Record an attempt; without its text where the store refuses it, as that may be why.

        Raises:
            Exception: an outage (`is_outage`) keeps it from being recorded, or the store refuses that, too.
        """
        store = self.attempt_store
        if store is None:
            return
        try:
            store.record(attempt)
        except Exception as failure:
            if looks_like_outage(self, failure) and not answers(self):
                raise
            text = "an attempt of %s[%s] cannot be recorded with its text: %s"
            logger.warning(text, self.name, attempt.task_id, type(failure).__name__)
            confirmed(self, lambda: store.record(attempt.without_text()))
