"""A consumer that nobody asked for: it receives messages, again and again, and does nothing with them."""

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from typing import Final

from tests.emulator import Queues
from tests.faults.history import History

THREADS: Final = 2
BATCH: Final = 10  # messages that a receive can bring
LONGEST_HOLD: Final = 2  # seconds; the times are whole seconds
SHARE_GIVEN_BACK: Final = 0.5  # of the receives; the others' visibility timeout ends
INTERVAL: Final = 0.02  # seconds between two receives

BURNT: Final = "receives burnt"


@contextlib.contextmanager
def burning_receives(queues: Queues, history: History, seed: int) -> Iterator[None]:
    """Receive whatever is visible in the work queue, past the proxy, as long as the block runs.

    A message that is received as often as its queue allows is dead before any worker has seen it.
    """
    stopped = threading.Event()

    def burn(rng: random.Random) -> None:
        while not stopped.is_set():
            history.count(BURNT, _burn_once(queues, rng))
            time.sleep(INTERVAL)

    threads = [
        threading.Thread(target=burn, args=(random.Random(seed * THREADS + number),), name="rogue-consumer")
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def _burn_once(queues: Queues, rng: random.Random) -> int:
    """One receive; returns how many messages it has cost a receive."""
    messages = queues.sqs.receive_message(
        QueueUrl=queues.url,
        MaxNumberOfMessages=BATCH,
        VisibilityTimeout=rng.randint(1, LONGEST_HOLD),
        WaitTimeSeconds=0,
    ).get("Messages", [])
    if rng.random() < SHARE_GIVEN_BACK:
        for message in messages:
            queues.sqs.change_message_visibility(
                QueueUrl=queues.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
    return len(messages)
