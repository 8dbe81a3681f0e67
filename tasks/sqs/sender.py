"""Sending: returns when SQS has confirmed the message, or raises within the caller's time limit.

Concurrent callers share SendMessageBatch calls; a lone one waits for nobody.
"""

import functools
import os
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Any, Final

from tasks.sqs.backoff import pause
from tasks.sqs.batch_call import Failure, batch_call
from tasks.sqs.batcher import Batcher, Full, Limits
from tasks.sqs.calls import Calls
from tasks.sqs.clients import Endpoint, calls
from tasks.sqs.errors import NotConfirmed, Unsendable
from tasks.sqs.outgoing import Outgoing

LIMITS: Final = Limits(linger=0, flights=4, capacity=1000)

FIRST_PAUSE: Final = 0.05  # seconds before the second try, at the most; doubles from there
LONGEST_PAUSE: Final = 1.0  # seconds


@dataclass(eq=False, slots=True)
class _Pending:
    """A message on its way, and who waits for it."""

    entry: dict[str, Any]
    size: int
    confirmed: "Future[str]" = field(default_factory=Future)
    tries: int = 0
    error: str = "no answer"


class Sender:
    """Sends messages to one queue, for any number of threads.

    Args:
        sqs: from `tasks.sqs.clients`.
        queue_url: the queue.
    """

    def __init__(self, sqs: Calls, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._batcher = Batcher("sqs-sender", self._fly, lambda pending: pending.size, LIMITS)

    def send(self, message: Outgoing, timeout: float, delay: int = 0) -> str:
        """Send a message and return SQS's id for it.

        Args:
            message: from `tasks.sqs.wire.encode`.
            timeout: seconds after which the caller is told that nothing is confirmed.
            delay: seconds until anybody may receive it; SQS allows 900.

        Raises:
            NotConfirmed: SQS refused, could not be reached or did not answer in time.
            Unsendable: SQS says that the message itself is at fault.
        """
        pending = _Pending(_entry(message, delay), _size(message))
        try:
            self._batcher.add(pending)
            return pending.confirmed.result(timeout)
        except Full as error:
            raise NotConfirmed(f"{LIMITS.capacity} messages are waiting to be sent already") from error
        except FutureTimeout as error:
            pending.confirmed.cancel()
            raise NotConfirmed(f"not within {timeout} s: {pending.error}") from error

    def _fly(self, batch: list[_Pending]) -> None:
        # Whoever has been told that nothing is confirmed should not find it sent after all.
        batch = [pending for pending in batch if not pending.confirmed.cancelled()]
        if not batch:
            return
        outcomes = batch_call(self._sqs.send_message_batch, self._queue_url, [pending.entry for pending in batch])
        for pending, outcome in zip(batch, outcomes, strict=True):
            if not isinstance(outcome, Failure):
                _tell(pending, str(outcome.get("MessageId", "")))
            elif outcome.sender_fault:
                _tell(pending, Unsendable(outcome.reason))
            elif outcome.passing:
                self._retry(pending, outcome.reason)
            else:
                _tell(pending, NotConfirmed(outcome.reason))

    def _retry(self, pending: _Pending, error: str) -> None:
        pending.error = error
        self._batcher.again(pending, pause(pending.tries, FIRST_PAUSE, LONGEST_PAUSE))
        pending.tries += 1


def sender(endpoint: Endpoint, queue_url: str) -> Sender:
    """The process's sender for a queue; a forked child, which has none of its parent's threads, gets its own."""
    return _sender(endpoint, queue_url, os.getpid())


@functools.lru_cache
def _sender(endpoint: Endpoint, queue_url: str, pid: int) -> Sender:
    return Sender(calls(endpoint), queue_url)


def _entry(message: Outgoing, delay: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"MessageBody": message.body, "MessageAttributes": message.attributes}
    return entry | {"DelaySeconds": delay} if delay else entry


def _size(message: Outgoing) -> int:
    """Bytes that SQS counts: body, and each attribute's name, type and value."""
    attributes = (name + value["DataType"] + value["StringValue"] for name, value in message.attributes.items())
    return len(message.body.encode()) + sum(len(text.encode()) for text in attributes)


def _tell(pending: _Pending, outcome: str | Exception) -> None:
    # A caller that gives up at this very moment has cancelled already.
    if not pending.confirmed.set_running_or_notify_cancel():
        return
    if isinstance(outcome, str):
        pending.confirmed.set_result(outcome)
    else:
        pending.confirmed.set_exception(outcome)
