"""Which message a receive brings next: near enough the oldest in a standard queue, by groups in a FIFO queue."""

import itertools
from collections import deque
from collections.abc import Generator
from random import Random
from typing import Final, Protocol

from tests.simulation.sqs.message import Message, State

_MOST_OF_A_GROUP: Final = 10  # messages of a group that are in flight together: what one receive brings


class DeliveryOrder(Protocol):
    """The order of a queue's messages."""

    def added(self, message: Message) -> None:
        """A message has come into the queue."""

    def shown(self, message: Message) -> None:
        """It is visible from now on."""

    def removed(self, message: Message) -> None:
        """It has left the queue."""

    def candidates(self) -> Generator[Message, None, None]:
        """Visible messages, in the order of a receive; each that is used changes its state before the next."""
        ...


class StandardOrder:
    """Best effort: each is drawn from a few of the oldest.

    Args:
        random: what draws.
        choice: from how many; 1: always the oldest.
    """

    def __init__(self, random: Random, choice: int) -> None:
        self._random = random
        self._choice = choice
        self._visible: deque[Message] = deque()

    def added(self, message: Message) -> None:
        """It is of no matter before it is visible."""

    def shown(self, message: Message) -> None:
        """Put it at the end."""
        self._visible.append(message)

    def removed(self, message: Message) -> None:
        """It is left out when its turn comes."""

    def candidates(self) -> Generator[Message, None, None]:
        """Draw, until the caller has enough."""
        drawn_from: list[Message] = []
        try:
            while True:
                while len(drawn_from) < self._choice and self._visible:
                    message = self._visible.popleft()
                    if message.state is State.VISIBLE:
                        drawn_from.append(message)
                if not drawn_from:
                    return
                yield drawn_from.pop(int(self._random.random() * len(drawn_from)))
        finally:
            self._visible.extendleft(reversed(drawn_from))


class FifoOrder:
    """By groups: those with a message in flight wait; of each other the oldest come, one after the other."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[int, Message]] = {}

    def added(self, message: Message) -> None:
        """Put it at the end of its group."""
        self._groups.setdefault(message.group, {})[message.number] = message

    def shown(self, message: Message) -> None:
        """It has its place already."""

    def removed(self, message: Message) -> None:
        """Its place is free."""
        group = self._groups[message.group]
        del group[message.number]
        if not group:
            del self._groups[message.group]

    def candidates(self) -> Generator[Message, None, None]:
        """The groups that may be received, from their oldest messages on."""
        for group in self._groups.values():
            oldest = itertools.islice(group.values(), _MOST_OF_A_GROUP)
            if any(message.state is State.IN_FLIGHT for message in oldest):
                continue
            yield from itertools.takewhile(lambda message: message.state is State.VISIBLE, group.values())
