"""How many polls of a queue are worth having in flight, and what each of them asks for."""

from dataclasses import dataclass
from typing import Final

from celery_sqs import system
from celery_sqs.consume.in_flight import MAX_RECEIVE

MOST_IN_FLIGHT: Final = 8

#: An answer with less than this share of what was asked for is poor. In between this and full, as many polls as
#: there are will do: SQS need not find all messages for one answer.
POOR: Final = 0.5

#: Seconds to wait for more room before asking for less than SQS gives in one answer.
WORTH_WAITING: Final = 0.05


@dataclass(frozen=True, slots=True)
class Poll:
    """One call of ReceiveMessage.

    Attributes:
        count: messages to ask for, at the most.
        is_long: whether it waits when the queue is empty, for as long as the queue says.
    """

    count: int
    is_long: bool


class Polls:
    """The polls of one queue. One is in flight while the queue is idle, one more with every few full answers.

    Only one of them is long. Several that waited on an empty queue would each take one of the next messages, where
    one poll would have brought them all; the others come back at once and are not sent again. Started all at once,
    they would empty the queue together and then be gone together.

    For one thread at a time: whoever uses it has a lock.
    """

    def __init__(self) -> None:
        self._wanted = 1.0
        self._in_flight: list[Poll] = []
        self._full_at = 0.0

    @property
    def are_enough(self) -> bool:
        """Whether as many are in flight as are worth it."""
        return len(self._in_flight) >= int(self._wanted)

    @property
    def any_in_flight(self) -> bool:
        """Whether there is one."""
        return bool(self._in_flight)

    def begin(self, room: int, is_idle: bool, most: int = MAX_RECEIVE) -> Poll | None:
        """The next poll, if one is worth it now.

        Args:
            room: messages that there is room for.
            is_idle: whether no message is in flight, so that there is nothing to wait for.
            most: messages that a poll may ask for.
        """
        if self.are_enough:
            return None
        # Polls of other queues do not count: an idle one asks for all the room there is, for 20 seconds
        # at a time. So each queue beyond the first may bring one answer more than the limit.
        count = min(most, room - sum(poll.count for poll in self._in_flight))
        now = system.time.monotonic()
        if count <= 0:
            self._full_at = now
            return None
        if count < most and not is_idle and now - self._full_at < WORTH_WAITING:
            return None
        poll = Poll(count, is_long=not any(poll.is_long for poll in self._in_flight))
        self._in_flight.append(poll)
        return poll

    def end(self, poll: Poll) -> None:
        """It is no longer in flight, whatever came of it."""
        self._in_flight.remove(poll)

    def answered(self, poll: Poll, received: int) -> None:
        """Learn from an answer with so many messages."""
        if received >= poll.count:
            self._wanted = min(self._wanted + 1 / self._wanted, MOST_IN_FLIGHT)
        elif received < poll.count * POOR:
            self._wanted = max(self._wanted - 1, 1)

    def failed(self) -> None:
        """Begin with one again."""
        self._wanted = 1.0
