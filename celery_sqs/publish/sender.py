"""Sending: returns when SQS has confirmed the message, or raises within the caller's time limit.

Concurrent callers share SendMessageBatch calls; a lone one waits for nobody.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from celery_sqs import system
from celery_sqs.aws.batch_call import Failure, batch_call
from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.endpoint import Endpoint, sqs_client
from celery_sqs.aws.group_commit import Full, GroupCommit, Limits
from celery_sqs.errors import NotConfirmed, Unsendable
from celery_sqs.message.outgoing import Outgoing
from celery_sqs.per_process import per_process
from celery_sqs.retry import pause

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

LIMITS: Final = Limits(linger=0, concurrency=4, capacity=1000)

FIRST_PAUSE: Final = 0.05  # seconds before the second try, at the most; doubles from there
LONGEST_PAUSE: Final = 1.0  # seconds


class _Pending:
    """A message on its way, and the caller who waits for it.

    A future for one caller and one answer, without the locks and states of `concurrent.futures.Future` for more.
    """

    __slots__ = ("_answered", "_outcome", "entry", "error", "is_given_up", "size", "tries")

    def __init__(self, message: Outgoing, beside: Mapping[str, Any]) -> None:
        self.entry = {"MessageBody": message.body, "MessageAttributes": message.attributes, **beside}
        self.size = message.size
        self.tries = 0
        self.error = "no answer"
        self.is_given_up = False
        self._outcome: str | Exception = ""
        self._answered = system.threading.Lock()
        self._answered.acquire()

    def answer(self, outcome: str | Exception) -> None:
        """Answer the caller, once: SQS's id, or why there is none."""
        self._outcome = outcome
        self._answered.release()

    def wait(self, timeout: float) -> str:
        """SQS's id for the message, once it has one."""
        if not self._answered.acquire(timeout=timeout):
            self.is_given_up = True
            raise NotConfirmed(f"not within {timeout} s: {self.error}")
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


class Sender:
    """Sends messages to one queue, for any number of threads.

    Args:
        sqs: from `celery_sqs.aws.endpoint`.
        queue_url: the queue.
    """

    def __init__(self, sqs: SqsClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._commits = GroupCommit("sqs-sender", self._send_batch, lambda pending: pending.size, LIMITS)

    def send(self, message: Outgoing, timeout: float, beside: Mapping[str, Any] = NOTHING) -> str:
        """Send a message and return SQS's id for it.

        Args:
            message: from `celery_sqs.message.wire.encode`.
            timeout: seconds after which NotConfirmed is raised.
            beside: from `celery_sqs.publish.parameters`.

        Raises:
            NotConfirmed: SQS refused, could not be reached or did not answer in time.
            Unsendable: SQS says that the message itself is at fault.
        """
        pending = _Pending(message, beside)
        try:
            self._commits.add(pending)
        except Full as error:
            raise NotConfirmed(str(error)) from error
        return pending.wait(timeout)

    def _send_batch(self, batch: list[_Pending]) -> None:
        # A caller that has had NotConfirmed should not find the message sent after all.
        batch = [pending for pending in batch if not pending.is_given_up]
        if not batch:
            return
        outcomes = batch_call(self._sqs.send_message_batch, self._queue_url, [pending.entry for pending in batch])
        for pending, outcome in zip(batch, outcomes, strict=True):
            if not isinstance(outcome, Failure):
                pending.answer(str(outcome.get("MessageId", "")))
            elif outcome.sender_fault:
                pending.answer(Unsendable(outcome.reason))
            elif outcome.may_pass:
                self._retry(pending, outcome.reason)
            else:
                pending.answer(NotConfirmed(outcome.reason))

    def _retry(self, pending: _Pending, error: str) -> None:
        pending.error = error
        self._commits.retry_later(pending, pause(pending.tries, FIRST_PAUSE, LONGEST_PAUSE))
        pending.tries += 1


@per_process
def sender(endpoint: Endpoint, queue_url: str) -> Sender:
    """The process's sender for a queue."""
    return Sender(sqs_client(endpoint), queue_url)
