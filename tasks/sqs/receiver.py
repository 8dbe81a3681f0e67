"""Receiving: a thread that long-polls one queue while there is room, and never gives up.

It calls SQS on a client and a socket of its own, so nothing it waits for holds up the worker, and
an answer that never comes ends with the read timeout.
"""

import logging
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from tasks.sqs.settler import release

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
MAX_MESSAGES: Final = 10

FIRST_PAUSE: Final = 0.5  # seconds after a failed poll, at the most; doubles from there
LONGEST_PAUSE: Final = 15.0  # seconds
MAX_DOUBLINGS: Final = 10


class Room:
    """How many more messages a consumer takes. Filled by receiving, given back by settling."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._limit = 0
        self._held = 0

    def resize(self, limit: int) -> None:
        """Hold at most `limit` messages; 0, as in AMQP, sets no limit but one poll's worth."""
        with self._changed:
            self._limit = limit or MAX_MESSAGES
            self._changed.notify_all()

    def take(self, count: int) -> None:
        """Note that `count` messages have come."""
        with self._changed:
            self._held += count

    def give_back(self) -> None:
        """Note that a message is settled."""
        with self._changed:
            self._held -= 1
            self._changed.notify_all()

    def wait(self, timeout: float) -> int:
        """How many messages fit, once at least one does; 0 when `timeout` seconds pass before."""
        with self._changed:
            self._changed.wait_for(lambda: self._held < self._limit, timeout)
            return max(0, self._limit - self._held)


class Receiver:
    """Polls one queue on a thread of its own until stopped.

    Args:
        client: from `tasks.sqs.clients`, with a read timeout longer than `wait`.
        queue_url: the queue.
        wait: seconds of a long poll.
        room: asked before each poll, filled after it.
        deliver: called on the receiver's thread with each poll's messages.
        longest_pause: seconds between two failing polls, at the most.
    """

    def __init__(
        self,
        client: "SQSClient",
        queue_url: str,
        wait: int,
        room: Room,
        deliver: Callable[[list[Any]], None],
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._wait = wait
        self._room = room
        self._deliver = deliver
        self._longest_pause = longest_pause
        self._stopped = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="sqs-receiver", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """Poll no more. What a poll in flight still brings is made visible to others at once."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            room = self._room.wait(timeout=1.0)
            if room:
                self._poll(min(room, MAX_MESSAGES))

    def _poll(self, count: int) -> None:
        # Whatever SQS, the network or the answer may throw at us: a worker that stops polling is dead
        # and looks alive, so everything is caught here.
        try:
            messages = self._receive(count)
        except Exception as error:
            self._pause(error)
            return
        if self._failures:
            logger.warning("receiving again from %s", self._queue_url)
            self._failures = 0
        if self._stopped.is_set():
            for message in messages:
                release(self._client, self._queue_url, message["ReceiptHandle"])
        elif messages:
            self._room.take(len(messages))
            self._deliver(messages)

    def _receive(self, count: int) -> list[Any]:
        answer = self._client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=self._wait,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [message for message in answer.get("Messages", []) if "ReceiptHandle" in message]

    def _pause(self, error: Exception) -> None:
        if not self._failures:
            logger.warning("cannot receive from %s, trying on: %r", self._queue_url, error)
        # A float has no room for 2 ** 1024, and an outage may last.
        longest = min(self._longest_pause, FIRST_PAUSE * 2 ** min(self._failures, MAX_DOUBLINGS))
        self._failures += 1
        self._stopped.wait(random.uniform(longest / 2, longest))
