"""A scan of a dead-letter queue: all of its messages are received, and stay in flight until the scan ends.

SQS can neither list a queue nor fetch one message of it. What the caller has not deleted by the end of the scan is
visible again at once. A DLQ has no redrive policy of its own, so its messages may be received any number of times.

A message that was renewed is given as it was sent first. So two of its copies in one DLQ have the same message id.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

from celery_sqs import system
from celery_sqs.aws.batch_call import Failure, batch_call
from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.endpoint import Endpoint, sqs_client
from celery_sqs.aws.group_commit import MAX_BATCH_BYTES, MAX_ENTRIES
from celery_sqs.aws.queue import FIFO, QueueFacts, read_facts, url_beside
from celery_sqs.dlq.source import Source, sharing, source_of
from celery_sqs.errors import CallFailed
from celery_sqs.message.outgoing import GROUP, size_of
from celery_sqs.message.renewal import Renewal, opened
from celery_sqs.retry import retry

#: An entry of ReceiveMessage's answer, with all attributes; of a copy, as the message was sent first.
Message = dict[str, Any]

Call = Callable[..., Any]

#: Seconds that a message is hidden when it is received: what others wait for it if this process is killed.
VISIBILITY: Final = 30

#: Seconds that a scan receives, so that it ends before the first message is visible again.
LONGEST_SCAN: Final = 25.0

#: Seconds that a receive waits. A short poll asks only some of SQS's servers, and may find an empty queue full:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
RECEIVE_WAIT: Final = 1

_BEHIND: Final = Failure("one before it in its group was not sent", may_pass=True)

CONCURRENT_CALLS: Final = 8  # receives at once, and batch calls at once

DEADLINE: Final = 3.0  # seconds from a call's first try after which it is not tried again
FIRST_PAUSE: Final = 0.1  # seconds before the second try, at the most; doubles from there
LONGEST_PAUSE: Final = 1.0  # seconds


class DeadLetterQueue:
    """A DLQ, and the queue that its messages come from. It is asked for nothing until it is needed.

    Args:
        endpoint: where SQS is.
        work_url: the queue that messages come from, and are sent to again.
        url: the DLQ; None: the one that the work queue's redrive policy names.
        wait: seconds that a receive waits for a first message.
        name: Celery's name of the work queue; None: SQS's.
        among: all of the app's, this one included, in the order of the settings; empty: there is no other.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        work_url: str,
        url: str | None = None,
        wait: int = RECEIVE_WAIT,
        name: str | None = None,
        among: Sequence[Source] = (),
    ) -> None:
        self._endpoint = endpoint
        self._url = url
        self._among = among
        self._sharing: Sequence[Source] = ()
        self.work_url = work_url
        self.wait = wait
        self.sqs_name = work_url.rstrip("/").rsplit("/", 1)[-1]
        self.name = name or self.sqs_name

    @property
    def sqs(self) -> SqsClient:
        """This process's client."""
        return sqs_client(self._endpoint, self.wait)

    @functools.cached_property
    def url(self) -> str:
        """The DLQ's URL.

        Raises:
            CallFailed: SQS refuses or cannot be reached, or the work queue has no DLQ.
        """
        if self._url is not None:
            return self._url
        dlq_arn = self.work_facts().dlq_arn
        if dlq_arn is None:
            raise CallFailed(f"{self.work_url} has no DLQ", status=HTTPStatus.NOT_FOUND)
        return url_beside(self.work_url, dlq_arn)

    def owns(self, message: Message) -> bool:
        """Whether a message in the DLQ is this work queue's, and not another's with the same DLQ.

        Raises:
            CallFailed: SQS cannot be asked.
        """
        if self._among and not self._sharing:
            self._sharing = sharing(self.url, self._among)
        return not self._sharing or source_of(message, self._sharing) is self

    def work_facts(self) -> QueueFacts:
        """What the work queue says of itself.

        Raises:
            CallFailed: SQS refuses or cannot be reached.
        """
        return read_facts(self.sqs, self.work_url)

    def scan(self, seconds: float = LONGEST_SCAN) -> "Scan":
        """A scan that receives for so many seconds, at the most."""
        return Scan(self, seconds)


class Scan:
    """A context manager; what is in flight at its end is released. Iterate over it once, on one thread.

    Attributes:
        complete: whether it has come to the queue's end, and so has seen all messages that were visible.
    """

    def __init__(self, queue: DeadLetterQueue, seconds: float) -> None:
        self._queue = queue
        self._deadline = system.time.monotonic() + seconds
        self._in_flight: dict[str, str] = {}  # id of a copy -> receipt handle
        self._copies: dict[str, tuple[str, Renewal | None]] = {}  # receipt handle -> id of the copy, what it carries
        self._seen: set[str] = set()  # ids of copies
        # Receives may wait a second; batch calls are not to wait for them.
        self._receivers = system.futures.ThreadPoolExecutor(CONCURRENT_CALLS, "sqs-scan")
        self._callers = system.futures.ThreadPoolExecutor(CONCURRENT_CALLS, "sqs-batch")
        self._receives: set[Future[list[Message]]] = set()
        self.complete = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._receivers.shutdown()
        for receive in list(self._receives):
            with suppress(CallFailed):
                self._take(receive)
        entries = [{"ReceiptHandle": handle, "VisibilityTimeout": 0} for handle in self._in_flight.values()]
        # Where this fails a message is visible after its timeout.
        self._call(self._queue.sqs.change_message_visibility_batch, self._queue.url, entries)
        self._callers.shutdown()

    def __iter__(self) -> Iterator[list[Message]]:
        """The queue's messages, as many at a time as have come meanwhile; each copy once.

        Raises:
            CallFailed: SQS refuses or cannot be reached.
        """
        self._receives = {self._receivers.submit(self._receive) for _ in range(CONCURRENT_CALLS)}
        ends = 0
        while self._receives:
            ended = wait(self._receives, return_when=FIRST_COMPLETED).done
            answers = [self._take(receive) for receive in ended]
            ends += answers.count([])
            fresh = [each for messages in answers for each in messages if self._is_new(each) and self._queue.owns(each)]
            if system.time.monotonic() < self._deadline:
                self._receives |= {self._receivers.submit(self._receive) for messages in answers if messages}
            if fresh:
                yield fresh
        self.complete = ends == CONCURRENT_CALLS

    def renewal(self, message: Message) -> Renewal | None:
        """What one of its messages carries if it is a copy."""
        return self._copies[message["ReceiptHandle"]][1]

    def send(self, entries: Sequence[dict[str, Any]]) -> list[str | Failure]:
        """Send messages to the work queue.

        Args:
            entries: of SendMessageBatch, without their `Id`.

        Returns:
            For each SQS's id of what was sent, or why that is not confirmed.
        """
        send = self._send_in_order if self._queue.work_url.endswith(FIFO) else self._send
        outcomes = send(entries)
        return [outcome if isinstance(outcome, Failure) else str(outcome["MessageId"]) for outcome in outcomes]

    def _send(self, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any] | Failure]:
        return self._call(self._queue.sqs.send_message_batch, self._queue.work_url, entries)

    def _send_in_order(self, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any] | Failure]:
        """One at a time, and nothing of a group after one of it that was not sent."""
        outcomes: list[dict[str, Any] | Failure] = []
        unsent: set[str] = set()
        for entry in entries:
            group = entry.get(GROUP, "")
            [outcome] = self._send([entry]) if group not in unsent else [_BEHIND]
            outcomes.append(outcome)
            if isinstance(outcome, Failure):
                unsent.add(group)
        return outcomes

    def delete(self, messages: Sequence[Message]) -> list[Failure | None]:
        """Delete messages from the DLQ; says of each why that is not confirmed, or None."""
        entries = [{"ReceiptHandle": message["ReceiptHandle"]} for message in messages]
        outcomes = self._call(self._queue.sqs.delete_message_batch, self._queue.url, entries)
        failures = [outcome if isinstance(outcome, Failure) else None for outcome in outcomes]
        for message, failure in zip(messages, failures, strict=True):
            if failure is None:
                self._in_flight.pop(self._copies[message["ReceiptHandle"]][0], None)
        return failures

    def _receive(self) -> list[Message]:
        answer = retry(
            lambda: self._queue.sqs.receive_message(
                QueueUrl=self._queue.url,
                MaxNumberOfMessages=MAX_ENTRIES,
                VisibilityTimeout=VISIBILITY,
                WaitTimeSeconds=self._queue.wait,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            ),
            _may_pass,
            deadline=DEADLINE,
            first=FIRST_PAUSE,
            longest=LONGEST_PAUSE,
        )
        return [dict(message) for message in answer.get("Messages", [])]

    def _take(self, receive: "Future[list[Message]]") -> list[Message]:
        """The messages of a receive, which are in flight from now on."""
        self._receives.remove(receive)
        return [self._open(received) for received in receive.result()]

    def _open(self, received: Message) -> Message:
        copy_id, handle = received["MessageId"], received["ReceiptHandle"]
        message, renewal = opened(received)
        self._in_flight[copy_id] = handle
        self._copies[handle] = copy_id, renewal
        return message

    def _is_new(self, message: Message) -> bool:
        """Whether this scan sees a copy for the first time: SQS may deliver one twice."""
        copy_id, _ = self._copies[message["ReceiptHandle"]]
        if copy_id in self._seen:
            return False
        self._seen.add(copy_id)
        return True

    def _call(self, call: Call, queue_url: str, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any] | Failure]:
        """Make batch calls in parallel; says what became of each entry."""
        calls = [self._callers.submit(_with_retries, call, queue_url, batch) for batch in _batches(entries)]
        return [outcome for each in calls for outcome in each.result()]


def _with_retries(call: Call, queue_url: str, entries: list[dict[str, Any]]) -> list[dict[str, Any] | Failure]:
    """One batch call, repeated for the entries that may succeed later."""
    outcomes: dict[int, dict[str, Any] | Failure] = {}
    open_entries = list(range(len(entries)))

    def once() -> None:
        answers = batch_call(call, queue_url, [entries[position] for position in open_entries])
        outcomes.update(zip(open_entries, answers, strict=True))
        open_entries[:] = [position for position in open_entries if _may_succeed_later(outcomes[position])]
        if open_entries:
            raise CallFailed("some entries may succeed later")

    with suppress(CallFailed):
        retry(once, _may_pass, deadline=DEADLINE, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    return [outcomes[position] for position in range(len(entries))]


def _may_pass(error: Exception) -> bool:
    return isinstance(error, CallFailed) and error.may_pass


def _may_succeed_later(outcome: dict[str, Any] | Failure) -> bool:
    return isinstance(outcome, Failure) and outcome.may_pass


def _batches(entries: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Entries as SQS takes them at once."""
    batch: list[dict[str, Any]] = []
    total = 0
    for entry in entries:
        size = size_of(entry)
        if batch and (len(batch) == MAX_ENTRIES or total + size > MAX_BATCH_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(entry)
        total += size
    if batch:
        yield batch
