"""`SQSTask`, the base class of every task: SQS itself repeats its attempts.

A failed attempt is a message that is not deleted. SQS counts a message's receives and moves it to the DLQ after the
last one. A task with a store of attempts counts those instead: see `celery_sqs.consume.budget`.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from celery import Task
from celery.exceptions import Retry

from celery_sqs.message import wire
from celery_sqs.publish import fast_path
from celery_sqs.publish.producer import producer
from celery_sqs.tasks.attempt import Attempt, AttemptStore, describe
from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import (
    BACKOFF_BASE,
    BACKOFF_CAP,
    decide,
    is_last,
    looks_like_outage,
    unwrapped,
)
from celery_sqs.tasks.dry_run import NOT_KNOWN, DryRun
from celery_sqs.tasks.escape import Escaped, escapes
from celery_sqs.tasks.message_ids import with_ids
from celery_sqs.tasks.suspicion import answers, confirmed

logger = logging.getLogger(__name__)


class SQSTask(Task):  # type: ignore[type-arg]  # generic in the stubs only
    """Base of every task. `celery_sqs.tasks.decision` says what becomes of the message of one that fails.

    Attributes:
        permanent: exceptions that no later attempt can mend. Such a message is visible again at
            once, so it goes through its remaining receives and into the DLQ within a second.
        blocked: exceptions that say that what this call alone depends on is not to be had now, such as a
            locked row. It is run again by this worker, after a pause, and has not failed.
        backoff_base: seconds before the second attempt, at the most; doubles from there.
        backoff_cap: seconds before any attempt, at the most.
        max_retries: None: the queue says how often a message is tried, as it does for every failure.
            A number lets `self.retry` give up earlier, which ends the pauses and not the receives.
    """

    abstract = True

    acks_late = True
    acks_on_failure = False
    acks_on_timeout = False
    reject_on_worker_lost = True
    max_retries = None
    Request = "celery_sqs.worker.request:SQSRequest"

    permanent: ClassVar[tuple[type[BaseException], ...]] = ()
    blocked: ClassVar[tuple[type[BaseException], ...]] = ()
    backoff_base: ClassVar[float] = BACKOFF_BASE
    backoff_cap: ClassVar[float] = BACKOFF_CAP

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
    def attempt(self) -> int:
        """The number of the current attempt, from 1. Without an `attempt_store` each receive counts as one."""
        return int(self.request.retries or 0) + 1

    @property
    def receive_count(self) -> int:
        """How often SQS has handed out the message of the current request, all its copies, this time included."""
        return int(getattr(self.request, wire.RECEIVE_COUNT, None) or self.attempt)

    @property
    def max_receive_count(self) -> int | None:
        """Attempts that the queue of the current request allows; None where it has no redrive policy."""
        limit: int | None = getattr(self.request, wire.MAX_RECEIVE_COUNT, None)
        return limit

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run in a worker, where nothing that a task raises may end the process."""
        if self.request.called_directly:
            return super().__call__(*args, **kwargs)
        return confirmed(self, lambda: self._run_guarded(*args, **kwargs))

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

        `argsrepr` is not made, as it does not travel: the receiving side has the arguments themselves.
        Nothing is declared before either: SQS's queues are there before those who use them.
        """
        options = with_ids(self, args, kwargs, options)
        fast = fast_path.of(self, args, kwargs, options)
        if fast is not None:
            return fast_path.send(fast, *args, **options)
        ours = {"argsrepr": "", "kwargsrepr": "", "declare": (), "producer": producer(self.app)}
        return super().apply_async(args, kwargs, **{**ours, **options})

    def retry(  # type: ignore[override]  # new arguments would be another message
        self,
        *,
        exc: Exception | None = None,
        throw: bool = True,
        eta: datetime | None = None,
        countdown: int | None = None,
        max_retries: int | None = None,
    ) -> Retry:
        """Give the attempt up, so that SQS delivers the same message again.

        Celery's own would send a new message and delete this one, and the receive count would start
        anew: https://docs.celeryq.dev/en/stable/userguide/tasks.html#retrying

        Args:
            exc: why; it is what is recorded.
            throw: whether to raise the Retry, or to return it.
            eta: when to try again.
            countdown: seconds until then; without both the task's own back-off.
            max_retries: overrides the task's.

        Raises:
            celery.exceptions.Retry: the attempt is over.
            BaseException: `exc`, or MaxRetriesExceededError, when this was the last attempt.
        """
        limit = self.max_retries if max_retries is None else max_retries
        has_no_more = is_last(self.attempt, self.max_receive_count) or (
            limit is not None and self.request.retries >= limit
        )
        if self.request.called_directly or has_no_more:
            raise exc or self.MaxRetriesExceededError(f"{self.name} asked for an attempt after its last one")
        again = Retry(exc=exc, when=eta if eta is not None else countdown)  # type: ignore[arg-type]  # an int is Real
        if throw:
            raise again
        return again

    def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Celery's hook for a failed run: log the attempt and record it.

        What it raises becomes the run's error: celery.app.trace.report_internal_error.
        """
        self._note(exc, exc, einfo)

    def on_retry(self, exc: BaseException | None, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Celery's hook for a run that gave up: a failed attempt like any other."""
        # Without einfo Celery has cancelled it, at a cold shutdown: nobody has failed.
        if einfo is not None:
            again = unwrapped(einfo)
            self._note(again, exc or again, einfo)

    def _note(self, raised: BaseException, error: BaseException, einfo: Any) -> None:
        request = self.request
        message_id = str(getattr(request, "message_id", None) or request.id)
        decision = decide(self, raised, message_id, self.attempt, self.max_receive_count)
        text = str(einfo.traceback) if einfo else ""
        is_recorded = self.note(Attempt.of(self.name, request, message_id, self.receive_count, decision, error, text))
        if einfo:
            einfo.is_recorded = is_recorded  # it is all that the worker's main process hears of a failed run

    def note(self, attempt: Attempt) -> bool:
        """Log a failed attempt and record it; returns False where the store refuses that for good.

        Raises:
            Exception: an outage (`is_outage`) keeps it from being recorded, so the message must not go yet.
        """
        error = describe(attempt.error)
        fields = {
            "task": self.name,
            "task_id": attempt.task_id,
            "receive_count": attempt.receive_count,
            "error": error,
            **self.log_context(*attempt.args),
        }
        which = attempt.receive_count, self.name, attempt.task_id
        if not attempt.kind.is_failed_attempt:
            text = "attempt interrupted (%s): receive %d of %s[%s]: %s"
            logger.debug(text, attempt.kind.value, *which, error, extra=fields)
            return True
        fields |= {"kind": attempt.kind.value, "final": attempt.final}
        logger.error("attempt failed: receive %d of %s[%s]: %s", *which, error, extra=fields, exc_info=attempt.exc_info)
        try:
            self.put_on_record(attempt)
        # Nothing else decides over the message: it is SQS that keeps it.
        except Exception as failure:
            if looks_like_outage(self, failure):
                raise
            logger.exception("the failed attempt could not be recorded", extra=fields)
            return False
        return True

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

    def message_group_id(self, *args: Any, **kwargs: Any) -> str | None:
        """SQS's group of a call with these arguments, where the caller names none; None: no group.

        Within a group a FIFO queue keeps the order; other queues serve groups in turn.
        """
        return None

    def message_deduplication_id(self, *args: Any, **kwargs: Any) -> str | None:
        """By what a FIFO queue knows a call with these arguments again within five minutes; None: by its task id."""
        return None

    def subject(self, *args: Any, **kwargs: Any) -> str | None:
        """What a call is about, to find it by; nothing unless a subclass says so."""
        return None

    def dry_run(self, calls: Sequence[Call]) -> Sequence[DryRun]:
        """Whether the code of today would accept these calls, without running them; an answer for each, in their order.

        Asked before dead messages are sent again, of up to 500 calls at once.
        """
        return [NOT_KNOWN] * len(calls)

    def are_done(self, calls: Sequence[Call]) -> Sequence[bool | None]:
        """Whether the effect of each of these calls is there, in their order; None where that is not known.

        Asked of calls that were sent again, up to 500 at once. A call with the answer None is taken to be done when
        its success is on record.
        """
        return [None] * len(calls)

    def find_done(self, subjects: Mapping[str, str | None]) -> set[str]:
        """Of calls of this task those whose effect is there, by task id. None unless a subclass says which.

        Asked of up to 500 calls that are unfinished on record although no worker has them: a killed worker cannot say
        what it has done. A call that is not in the answer is asked for again, until no message is left in the queues.

        Args:
            subjects: by task id what each call is about; None where that is not known.
        """
        return set()

    def log_context(self, *args: Any) -> dict[str, Any]:
        """What the logs of a call carry besides its task id."""
        return {}
