"""Celery's tracer of a single task, which reports each error as `celery_sqs.tasks.outcomes.failed_run` has it."""

import logging
import sys
from typing import TYPE_CHECKING, Any, Final

from billiard.einfo import ExceptionInfo
from celery import states
from celery.app import trace
from celery.exceptions import Retry

from celery_sqs.tasks.decision import Resent, RetryDecision, log_error
from celery_sqs.tasks.outcomes.failed_run import FAILED_RUN, FailedRun, close
from celery_sqs.tasks.outcomes.lost_result import LOST, is_lost

if TYPE_CHECKING:
    from celery_sqs.tasks.task import SQSTask

logger = logging.getLogger(__name__)

#: The attribute with the decision on the message, of what a pool reports of a failed run.
DECISION: Final = "sqs_decision"


class SQSTraceInfo(trace.TraceInfo):
    """What Celery's tracer does with an error, wherever it comes from: the task, a hook, a result that is no JSON.

    It is false where the run has succeeded all the same, and so Celery reports a success to its main process.

    Attributes:
        decision: on the message of the failed run.
    """

    decision: RetryDecision | None = None

    def __bool__(self) -> bool:
        return self.state != states.SUCCESS

    def handle_error_state(self, task: Any, req: Any, eager: bool = False, call_errbacks: bool = True) -> Any:
        """Have Celery see the outcome, and the worker's main process the decision."""
        if is_lost(task, req, self.retval):
            self.state = states.SUCCESS
            log_error(logger, self.retval, LOST, task.name, req.id)
            return None
        task.request_stack.push(req)  # an error after the run comes when Celery has removed it
        try:
            failed_run: FailedRun | None = getattr(req, FAILED_RUN, None)
            if failed_run is None or failed_run.raised is not self.retval:
                failed_run = close(task, self.retval)
            self.retval = failed_run.raised
            self.state = states.RETRY if isinstance(failed_run.raised, Retry) else states.FAILURE
            einfo = self._handled(task, req, eager)
        finally:
            task.request_stack.pop()
        self.decision = failed_run.decision
        setattr(einfo, DECISION, self.decision)
        return einfo

    def handle_retry(self, task: Any, req: Any, store_errors: bool = True, **how: Any) -> Any:
        """Have Celery see the retry. Where a new message goes on, its state was stored before that was sent."""
        is_stored = isinstance(self.retval, Resent)
        return super().handle_retry(task, req, store_errors=store_errors and not is_stored, **how)

    def _handled(self, task: Any, req: Any, eager: bool) -> Any:
        try:
            return super().handle_error_state(task, req, eager=eager)
        # An error of a hook or of the result backend changes nothing about the message.
        except Exception as failure:
            text = "the state %s of %s[%s] is not reported completely"
            log_error(logger, failure, text, self.state, task.name, req.id)
            return ExceptionInfo((type(self.retval), self.retval, sys.exc_info()[2]))


def make_tracer(task: "SQSTask", **options: Any) -> Any:
    """Celery's tracer for a task, as a worker makes it, with ours for its errors; options as Celery has them."""
    known: Any = getattr(trace, "_localized")  # noqa: B009  # by Celery, before it makes tracers; the stubs lack it
    hostname = known[2] if known else None
    # Looked up now: Sentry and others replace it.
    return trace.build_tracer(task.name, task, task.app.loader, hostname, Info=SQSTraceInfo, app=task.app, **options)
