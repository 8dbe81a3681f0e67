"""Filling a queue with orders before a run: in parallel, over plain HTTP, past the proxy, within a time limit."""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench.messages import Entry, MessageFactory, orders
from bench.sqs_http import BATCH, HttpQueue
from bench.testbed import Testbed
from tests.emulator import Queues

_SENDERS: Final = 3  # threads; more would only wait inside the emulator
_SLOWEST: Final = 500  # messages a second, below which an error is raised
_MARGIN: Final = 10.0  # seconds


def prefill(testbed: Testbed, queues: Queues, make_message: MessageFactory, count: int) -> None:
    """Send new orders to a queue.

    Raises:
        TimeoutError: it takes far longer than expected.
    """
    deadline = time.monotonic() + _MARGIN + count / _SLOWEST
    batches = list(batched(entries(queues, make_message, count)))

    def send(batches: list[list[Entry]]) -> None:
        queue = HttpQueue(testbed.emulator.url, queues.url)
        for batch in batches:
            if time.monotonic() > deadline:
                raise TimeoutError(f"filling the queue with {count} messages took too long")
            queue.send(batch)

    with ThreadPoolExecutor(_SENDERS) as senders:
        list(senders.map(send, [batches[number::_SENDERS] for number in range(_SENDERS)]))


def entries(queues: Queues, make_message: MessageFactory, count: int) -> Iterator[Entry]:
    """The messages of new orders for a queue."""
    name = queues.url.rsplit("/", 1)[-1]
    return (make_message(order, name) for order in orders(count))


def batched(messages: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Messages in batches for SendMessageBatch."""
    while batch := list(itertools.islice(messages, BATCH)):
        yield batch
