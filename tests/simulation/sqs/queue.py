"""One queue: its messages, and how they change with time and calls. Times are seconds since the epoch."""

import contextlib
from collections.abc import Callable
from typing import Final

from tests.simulation.sqs.attributes import FIFO, redrive
from tests.simulation.sqs.delivery_order import DeliveryOrder
from tests.simulation.sqs.message import Message, State
from tests.simulation.sqs.refusal import Refused
from tests.simulation.sqs.timeline import Timeline

#: Seconds that two messages of a FIFO queue with the same deduplication id are one.
DEDUPLICATION: Final = 300


class Queue:
    """A queue. Whoever uses it says `advance` first, so that it is as it is now.

    Attributes:
        messages: those in it, by number.
        attributes: as GetQueueAttributes has them, but for those that are counted.
        counts: how many messages are in which state, by its number.
        on_expiry: is called with each message that is deleted for its age.
    """

    def __init__(self, name: str, key: int, attributes: dict[str, str], now: float, order: DeliveryOrder) -> None:
        self.name = name
        self.key = key
        self.created_at = self.modified_at = int(now)
        self.purged_at = float("-inf")
        self.messages: dict[int, Message] = {}
        self.counts = [0] * len(State)
        self.on_expiry: Callable[[Message], None] = lambda message: None
        self._order = order
        self._numbers = 0
        self._changes = Timeline(_change_of)
        self._ages = Timeline(_sent_at)
        self._recent: dict[tuple[str, str], tuple[float, Message]] = {}  # by deduplication id; the oldest first
        self.set(attributes, now)

    def set(self, attributes: dict[str, str], now: float) -> None:
        """Have these attributes from now on."""
        self.attributes = attributes
        self.modified_at = int(now)
        self.is_fifo = self.name.endswith(FIFO)
        self.visibility_timeout = int(attributes["VisibilityTimeout"])
        self.retention = int(attributes["MessageRetentionPeriod"])
        self.wait = int(attributes["ReceiveMessageWaitTimeSeconds"])
        self.redrive = redrive(attributes.get("RedrivePolicy", ""))

    def advance(self, now: float) -> None:
        """Let pass what time has passed."""
        for message in self._changes.until(now):
            self._change(message, State.VISIBLE)
        for message in self._ages.until(now - self.retention):
            self.remove(message)
            self.on_expiry(message)

    def next_change(self) -> float | None:
        """When a message becomes visible, or is too old; None: nothing comes by itself."""
        expires = self._ages.first()
        times = [self._changes.first(), None if expires is None else expires + self.retention]
        return min((time for time in times if time is not None), default=None)

    def next_number(self) -> int:
        """The number of the next message."""
        self._numbers += 1
        return self._numbers

    def add(self, message: Message, visible_at: float, now: float) -> None:
        """Take a message, visible at once or later."""
        self.messages[message.number] = message
        self._ages.add(message)
        self._order.added(message)
        self.counts[message.state] += 1
        if visible_at > now:
            self._change(message, State.DELAYED, visible_at)
        else:
            self._change(message, State.VISIBLE)

    def original(self, token: tuple[str, str], now: float) -> Message | None:
        """The message that one with this deduplication id, and its scope, would double; None: it is the first."""
        while self._recent:
            oldest, (sent_at, _) = next(iter(self._recent.items()))
            if now - sent_at < DEDUPLICATION:
                break
            del self._recent[oldest]
        return self._recent.get(token, (0, None))[1]

    def remember(self, token: tuple[str, str], message: Message) -> None:
        """Know a message by its deduplication id."""
        self._recent[token] = message.sent_at, message

    def receive(
        self, count: int, now: float, seconds: float, max_receives: float
    ) -> tuple[list[Message], list[Message]]:
        """Hide up to so many messages for so long; returns them, and those that it removes as too often received."""
        received: list[Message] = []
        dead: list[Message] = []
        with contextlib.closing(self._order.candidates()) as candidates:
            for message in candidates:
                if message.receives >= max_receives:
                    dead.append(message)
                    continue
                received.append(message)
                self.deliver(message, now, seconds)
                if len(received) == count:
                    break
        for message in dead:
            self.remove(message)
        return received, dead

    def deliver(self, message: Message, now: float, seconds: float) -> None:
        """Hide one message, which a receive brings."""
        message.receives += 1
        message.handle = f"{self.key}-{message.number}-{message.receives}"
        message.received_at = now
        if message.first_received_at is None:
            message.first_received_at = now
        self.hide(message, now + seconds)

    def found(self, handle: str) -> Message | None:
        """The message of a receipt handle, be it old or not; None: it is in the queue no more.

        Raises:
            Refused: it is none of this queue's receipt handles.
        """
        key, _, rest = handle.partition("-")
        number, _, receive = rest.partition("-")
        if key != str(self.key) or not number.isdecimal() or not receive.isdecimal():
            raise Refused("ReceiptHandleIsInvalid", f"The receipt handle {handle!r} is not valid.")
        return self.messages.get(int(number))

    def hide(self, message: Message, until: float) -> None:
        """Let a message be in flight until a time; until now: it is visible when the queue is looked at next."""
        self._change(message, State.IN_FLIGHT, until)

    def remove(self, message: Message) -> None:
        """Delete it."""
        self._change(message, State.GONE)
        del self.messages[message.number]
        self._order.removed(message)

    def purge(self, now: float) -> None:
        """Delete all."""
        for message in list(self.messages.values()):
            self.remove(message)
        self.purged_at = now

    def _change(self, message: Message, state: State, until: float = 0.0) -> None:
        self.counts[message.state] -= 1
        self.counts[state] += 1
        message.state, message.changes_at = state, until
        if state is State.VISIBLE:
            self._order.shown(message)
        elif state is not State.GONE:
            self._changes.add(message)


def _change_of(message: Message) -> float | None:
    return message.changes_at if message.state is State.IN_FLIGHT or message.state is State.DELAYED else None


def _sent_at(message: Message) -> float | None:
    return None if message.state is State.GONE else message.sent_at
