"""One long run: a worker's memory over very many orders, which are sent as fast as it stores them."""

import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from bench.contenders import Contender
from bench.drain import MS, started
from bench.messages import Entry
from bench.prefill import batched, entries
from bench.resource_usage import MIB, memory
from bench.sqs_http import HttpQueue
from bench.testbed import Testbed
from tests.mariadb import rows

#: The queue is kept at about this length. A longer one would cost the emulator CPU.
_DEPTH: Final = 1000
_BATCHES: Final = 20  # sent between two checks of the queue's length
_PAUSE: Final = 0.05  # seconds to wait while the queue is long enough
_PERIOD: Final = 2.0  # seconds between two samples


def memory_over(testbed: Testbed, contender: Contender, round_trip: int, count: int, limit: float) -> dict[str, Any]:
    """Send orders to one worker and sample its memory.

    Args:
        testbed: where to run.
        contender: the worker.
        round_trip: milliseconds added to every SQS call of the worker.
        count: orders that are sent.
        limit: seconds after which it is stopped.
    """
    over = threading.Event()
    with testbed.backend(round_trip / MS) as backend, started(backend, contender, 1) as [worker]:
        producer = threading.Thread(
            target=_keep_filled,
            args=(
                HttpQueue(testbed.emulator.url, backend.queues.url),
                entries(backend.queues, contender.make_message, count),
                over,
            ),
            daemon=True,
        )
        begin = time.monotonic()
        producer.start()
        samples: list[dict[str, float]] = []
        try:
            while True:
                [[stored]] = rows(backend.database_url, "SELECT COUNT(*) FROM orders")
                now = time.monotonic() - begin
                samples.append({"seconds": now, "orders": int(stored), "mib": memory([worker.pid]) / MIB})
                if stored >= count or now > limit or worker.returncode is not None:
                    break
                time.sleep(_PERIOD)
        finally:
            over.set()
            producer.join()
        if worker.returncode is not None:
            raise RuntimeError(f"the worker ended with {worker.returncode}: {worker.output[-300:]}")
    return {"orders": count, "stored": samples[-1]["orders"], "samples": samples}


def _keep_filled(queue: HttpQueue, messages: Iterator[Entry], over: threading.Event) -> None:
    """Keep the queue filled until there are no more messages."""
    batches = batched(messages)
    while not over.is_set():
        if queue.waiting() > _DEPTH:
            over.wait(_PAUSE)
            continue
        for _ in range(_BATCHES):
            batch = next(batches, None)
            if batch is None:
                return
            queue.send(batch)
