"""Receiving: threads that long-poll one queue while there is room, and never give up.

They call SQS on clients and sockets of their own, so nothing they wait for holds up the worker, and
an answer that never comes ends with the read timeout. How many of them poll, `celery_sqs.consume.polls` says.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.queue import QueueFacts, read_facts
from celery_sqs.consume.in_flight import Delivery, InFlight
from celery_sqs.consume.polls import MOST_IN_FLIGHT, WORTH_WAITING, Poll, Polls
from celery_sqs.consume.settler import Settler
from celery_sqs.retry import pause

logger = logging.getLogger(__name__)

IDLE_LOOK: Final = 1.0  # seconds between two looks of a thread that has nothing to do

FIRST_PAUSE: Final = 0.5  # seconds after a failed poll, at the most; doubles from there
LONGEST_PAUSE: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A queue to receive from.

    Attributes:
        queue: its name.
        url: its URL.
        longest_pause: seconds between two failing polls, at the most.
    """

    queue: str
    url: str
    longest_pause: float = LONGEST_PAUSE


class Receiver:
    """Polls one queue on threads of its own until stopped.

    Args:
        sqs: from `celery_sqs.aws.endpoint`, with a read timeout longer than the queue lets a poll wait.
        source: the queue.
        held: asked for room before each poll, filled after it.
        settler: gets back what comes after the stop.
        deliver: called on a receiver's thread with each poll's deliveries.
    """

    def __init__(
        self,
        sqs: SqsClient,
        source: Source,
        held: InFlight,
        settler: Settler,
        deliver: Callable[[list[Delivery]], None],
    ) -> None:
        self._sqs = sqs
        self._source = source
        self._held = held
        self._settler = settler
        self._deliver = deliver
        self._stopped = threading.Event()
        self._facts: QueueFacts | None = None
        self._polls = Polls()
        self._failures = 0
        self.polled_at = time.monotonic()
        self._threads = [
            threading.Thread(target=self._run, name=f"sqs-receiver-{number}", daemon=True)
            for number in range(MOST_IN_FLIGHT)
        ]

    def start(self) -> None:
        """Begin to poll."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Poll no more. What a poll in flight still brings is made visible to others at once, or held."""
        self._stopped.set()
        with self._held.changed:
            self._held.changed.notify_all()

    @property
    def is_polling(self) -> bool:
        """Whether a poll may be in flight still."""
        return any(thread.is_alive() for thread in self._threads)

    @property
    def idle_seconds(self) -> float:
        """Seconds since a poll last ended, with whatever answer; 0 while there is no room for one."""
        return time.monotonic() - self.polled_at if self._polls.any_in_flight or self._held.room() else 0.0

    def _run(self) -> None:
        while not self._stopped.is_set():
            with self._turn() as turn:
                if turn:
                    self._poll(turn)

    @contextmanager
    def _turn(self) -> Iterator[Poll | None]:
        """The poll that this thread is to make now; None, after a pause, when it is not its turn."""
        changed = self._held.changed
        with changed:
            turn = self._polls.begin(self._held.room(), is_idle=not len(self._held))
            if not turn:
                idle = self._held.suspended or self._polls.are_enough
                changed.wait(IDLE_LOOK if idle else WORTH_WAITING)
        try:
            yield turn
        finally:
            if turn:
                with changed:
                    self._polls.end(turn)
                    changed.notify()

    def _poll(self, turn: Poll) -> None:
        # Whatever SQS, the network or the answer may throw at us: a worker that stops polling is dead
        # and looks alive, so everything is caught here.
        try:
            deliveries = self._receive(turn)
            self._succeeded(turn, len(deliveries))
            if self._stopped.is_set():
                self._hand_back(deliveries)
            elif deliveries:
                for delivery in deliveries:
                    self._held.add(delivery)
                self._deliver(deliveries)
        except Exception as error:
            self._pause(error)
        finally:
            self.polled_at = time.monotonic()

    def _hand_back(self, deliveries: list[Delivery]) -> None:
        """What comes after the stop: another of our last polls may take it again, but that has to end somewhere.

        So what has come before is kept for whoever stops us.
        """
        for delivery in deliveries:
            if delivery.receive_count == 1:
                self._settler.release(delivery)
            else:
                self._held.add(delivery)

    def _receive(self, turn: Poll) -> list[Delivery]:
        if self._facts is None:
            self._facts = read_facts(self._sqs, self._source.url)
        wait: Any = {} if turn.is_long else {"WaitTimeSeconds": 0}  # else the queue says it
        answer = self._sqs.receive_message(
            QueueUrl=self._source.url,
            MaxNumberOfMessages=turn.count,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            **wait,
        )
        messages: list[Any] = [message for message in answer.get("Messages", []) if "ReceiptHandle" in message]
        timeout = self._facts.visibility_timeout
        leased_until = time.monotonic() + timeout
        return [Delivery(message, self._source.queue, self._source.url, timeout, leased_until) for message in messages]

    def _succeeded(self, turn: Poll, received: int) -> None:
        with self._held.changed:
            self._polls.answered(turn, received)
            failures, self._failures = self._failures, 0
        if failures:
            logger.warning("receiving again from %s", self._source.url)

    def _pause(self, error: Exception) -> None:
        with self._held.changed:  # several polls fail together, and one line is enough
            self._polls.failed()
            failures, self._failures = self._failures, self._failures + 1
        if not failures:
            logger.warning("cannot receive from %s, trying on: %r", self._source.url, error)
        self._stopped.wait(pause(failures, FIRST_PAUSE, self._source.longest_pause))
