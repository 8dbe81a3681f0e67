"""Putting orders into a queue: in parallel, by bare HTTP, past the proxy, and not for ever."""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench.bare import BATCH, BareQueue
from bench.forms import Entry, Form, orders
from bench.rig import Rig
from tests.emulator import Queues

_SENDERS: Final = 3  # threads; more only queue up inside the emulator
_SLOWEST: Final = 500  # messages a second, below which filling is given up
_MARGIN: Final = 10.0  # seconds


def fill(rig: Rig, queues: Queues, form: Form, count: int) -> None:
    """Put orders into a queue.

    Raises:
        TimeoutError: it takes far longer than it should.
    """
    deadline = time.monotonic() + _MARGIN + count / _SLOWEST
    batches = batched(entries(queues, form, count))

    def send(batches: Iterator[list[Entry]]) -> None:
        queue = BareQueue(rig.emulator.url, queues.url)
        for batch in batches:
            if time.monotonic() > deadline:
                raise TimeoutError(f"filling the queue with {count} messages took too long")
            queue.send(batch)

    with ThreadPoolExecutor(_SENDERS) as senders:
        # Each takes a part of its own: a generator cannot be shared by threads.
        shares = [iter(share) for share in _dealt(list(batches), _SENDERS)]
        list(senders.map(send, shares))


def entries(queues: Queues, form: Form, count: int) -> Iterator[Entry]:
    """The messages of new orders for a queue."""
    name = queues.url.rsplit("/", 1)[-1]
    return (form(order, name) for order in orders(count))


def batched(messages: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Messages in the portions that SQS takes."""
    while batch := list(itertools.islice(messages, BATCH)):
        yield batch


def _dealt(batches: list[list[Entry]], hands: int) -> list[list[list[Entry]]]:
    return [batches[hand::hands] for hand in range(hands)]
