"""Receiving: threads that long-poll one queue while there is room, and never give up.

They call SQS on clients and sockets of their own, so nothing they wait for holds up the worker, and
an answer that never comes ends with the read timeout. How many of them poll, `celery_sqs.consume.polls` says.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from celery_sqs import system
from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.queue import FIFO, QueueFacts, read_facts
from celery_sqs.consume.delivery import Delivery
from celery_sqs.consume.in_flight import MAX_RECEIVE, InFlight
from celery_sqs.consume.polls import MOST_IN_FLIGHT, WORTH_WAITING, Poll, Polls
from celery_sqs.consume.retention.ages import HIDDEN
from celery_sqs.message.envelope import MAX_DELAY
from celery_sqs.message.outgoing import GROUP, TRACE
from celery_sqs.message.unwrap import Unwrap
from celery_sqs.retry import pause
from celery_sqs.threads import Guarded
from celery_sqs.throttled_log import REMINDER, ThrottledLog, kind_of

logger = logging.getLogger(__name__)

#: What SQS says of a message: its receives and its age, and what a copy of it has to take along.
_SYSTEM_ATTRIBUTES: Final = ("ApproximateReceiveCount", "SentTimestamp", TRACE, GROUP)

IDLE_LOOK: Final = 1.0  # seconds between two looks of a thread that has nothing to do

FIRST_PAUSE: Final = 0.5  # seconds after a failed poll, at the most; doubles from there
LONGEST_PAUSE: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A queue to receive from.

    Attributes:
        queue: its name.
        url: its URL.
        tasks: the tasks that its messages may name; None for all.
        unwraps: what opens their envelopes.
        longest_pause: seconds between two failing polls, at the most.
    """

    queue: str
    url: str
    tasks: Collection[str] | None = None
    unwraps: Sequence[Unwrap] = ()
    longest_pause: float = LONGEST_PAUSE

    @property
    def most(self) -> int:
        """Messages that a poll may ask for. Of a FIFO queue one: several of a group would run together."""
        return 1 if self.url.endswith(FIFO) else MAX_RECEIVE


class Receiver:
    """Polls one queue on threads of its own until stopped.

    Args:
        connect: gives a client for calls that may take so many seconds on purpose.
        source: the queue.
        in_flight: asked for room before each poll, filled after it.
        deliver: called on a receiver's thread with each poll's deliveries.
        settle_at_stop: called on one with each delivery that comes after the stop.
        may_poll: whether the queue is not paused.

    Attributes:
        last_error: what the last poll failed with; None where it succeeded.
        source: the queue.
        answered_at: when SQS last answered a poll.
    """

    def __init__(
        self,
        connect: Callable[[float], SqsClient],
        source: Source,
        in_flight: InFlight,
        deliver: Callable[[list[Delivery]], None],
        settle_at_stop: Callable[[Delivery], None],
        may_poll: Callable[[], bool] = lambda: True,
    ) -> None:
        self._connect = connect
        self.source = source
        self._in_flight = in_flight
        self._deliver = deliver
        self._settle_at_stop = settle_at_stop
        self._may_poll = may_poll
        self._stopped = system.threading.Event()
        self._facts: QueueFacts | None = None
        self._polls = Polls()
        self._failures = 0
        self._cannot = ThrottledLog(logger, f"cannot receive from {source.url}, trying on", REMINDER)
        self.last_error: Exception | None = None
        self.answered_at = float("-inf")
        self._ended_at = self._succeeded_at = system.time.monotonic()
        self._threads = [Guarded(self._run, name=f"sqs-receiver-{number}") for number in range(MOST_IN_FLIGHT)]

    def start(self) -> None:
        """Begin to poll."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Poll no more. What a poll under way still brings is released or renewed at once."""
        self._stopped.set()
        with self._in_flight.changed:
            self._in_flight.changed.notify_all()

    @property
    def is_polling(self) -> bool:
        """Whether a poll may be under way still."""
        return any(thread.is_alive() for thread in self._threads)

    @property
    def is_paused(self) -> bool:
        """Whether nobody wants it to poll."""
        return not self._may_poll()

    @property
    def is_receiving(self) -> bool:
        """Whether a poll is under way."""
        return self._polls.any_in_flight

    @property
    def seconds_since_end(self) -> float:
        """Seconds since a poll last ended, with whatever answer; 0 while there is no room for one."""
        return self._due_since(self._ended_at)

    @property
    def seconds_since_success(self) -> float:
        """Seconds since SQS last answered a poll; 0 while there is no room for one."""
        return self._due_since(self._succeeded_at)

    def _due_since(self, at: float) -> float:
        return system.time.monotonic() - at if self._polls.any_in_flight or self._room() else 0.0

    def _room(self) -> int:
        return self._in_flight.room() if self._may_poll() else 0

    def _run(self) -> None:
        while not self._stopped.is_set():
            with self._next_poll() as poll:
                if poll:
                    self._poll(poll)

    @contextmanager
    def _next_poll(self) -> Iterator[Poll | None]:
        """The poll that this thread is to make now; None, after a pause, when none is due."""
        changed = self._in_flight.changed
        with changed:
            room = self._room()
            poll = self._polls.begin(room, is_idle=not len(self._in_flight), most=self.source.most)
            if not room and not self._polls.any_in_flight:
                self._ended_at = self._succeeded_at = system.time.monotonic()  # the next one is due once there is room
            if not poll:
                idle = self._in_flight.suspended or self.is_paused or self._polls.are_enough
                changed.wait(IDLE_LOOK if idle else WORTH_WAITING)
        try:
            yield poll
        finally:
            if poll:
                with changed:
                    self._polls.end(poll)
                    changed.notify()

    def _poll(self, poll: Poll) -> None:
        try:
            deliveries = self.receive(poll.count, None if poll.is_long else 0)
            self._succeeded(poll, len(deliveries))
            deliveries = [delivery for delivery in deliveries if self._in_flight.add(delivery)]
            if self._stopped.is_set():
                for delivery in deliveries:
                    self._settle_at_stop(delivery)
            elif deliveries:
                self._deliver(deliveries)
        # Whatever it is, the next poll comes after a pause of its own.
        except Exception as error:
            self._ended_at = system.time.monotonic()
            self._pause(error)

    def learn(self) -> QueueFacts:
        """The queue's attributes; asked for once.

        Raises:
            CallFailed: SQS refuses, cannot be reached, or gives an answer that makes no sense.
        """
        if self._facts is None:
            self._facts = read_facts(self._connect(0), self.source.url)
        return self._facts

    def receive(self, count: int, wait: int | None) -> list[Delivery]:
        """Receive once, on any thread.

        Args:
            count: messages to ask for, at the most.
            wait: seconds that SQS waits for a first one; None: as many as the queue says.

        Raises:
            CallFailed: SQS refuses, or cannot be reached.
        """
        facts = self.learn()
        waiting: Any = {} if wait is None else {"WaitTimeSeconds": wait}
        answer = self._connect(facts.receive_wait).receive_message(
            QueueUrl=self.source.url,
            MaxNumberOfMessages=count,
            # As it was read at the start, and as the leases have it: the queue's may have been changed since.
            VisibilityTimeout=int(facts.visibility_timeout),
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=_SYSTEM_ATTRIBUTES,
            **waiting,
        )
        messages: list[Any] = [message for message in answer.get("Messages", []) if "ReceiptHandle" in message]
        leased_until = system.time.monotonic() + facts.visibility_timeout
        return [
            Delivery(
                message,
                self.source.queue,
                self.source.url,
                facts.visibility_timeout,
                leased_until,
                facts.max_receive_count,
                not facts.is_fifo,
                self.source.tasks,
                min(MAX_DELAY, max(1, int(facts.retention * HIDDEN))),
                self.source.unwraps,
            )
            for message in messages
        ]

    def _succeeded(self, poll: Poll, received: int) -> None:
        with self._in_flight.changed:
            self._polls.answered(poll, received)
            self._failures = 0
            self.last_error = None
            self.answered_at = self._ended_at = self._succeeded_at = system.time.monotonic()
        if self._cannot.end():
            logger.warning("receiving again from %s", self.source.url)

    def _pause(self, error: Exception) -> None:
        with self._in_flight.changed:  # several polls fail together
            self._polls.failed()
            failures, self._failures = self._failures, self._failures + 1
            self.last_error = error
        self._cannot.warning(repr(error), kind_of(error))
        self._stopped.wait(pause(failures, FIRST_PAUSE, self.source.longest_pause))
