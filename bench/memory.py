"""One long run: a worker's memory over very many orders, which come as fast as it takes them."""

import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from bench.bare import BareQueue
from bench.contenders import Contender
from bench.drain import MS, started
from bench.filling import batched, entries
from bench.forms import Entry
from bench.rig import Rig
from bench.tree import MIB, memory
from tests.mariadb import rows

#: The queue is kept about this long: what the worker has not received yet. Longer ones are the emulator's work.
_DEPTH: Final = 1000
_PORTIONS: Final = 20  # batches between two looks at the queue
_PAUSE: Final = 0.05  # seconds to wait while the queue is long enough
_PERIOD: Final = 2.0  # seconds between two samples


def memory_over(rig: Rig, contender: Contender, round_trip: int, count: int, limit: float) -> dict[str, Any]:
    """Feed one worker and look at its memory.

    Args:
        rig: the shared parts.
        contender: the worker.
        round_trip: milliseconds added to every SQS call of the worker.
        count: orders it is to get.
        limit: seconds after which it is cut.
    """
    over = threading.Event()
    with rig.line(round_trip / MS) as line, started(line, contender, 1) as [worker]:
        feeder = threading.Thread(
            target=_feed,
            args=(BareQueue(rig.emulator.url, line.queues.url), entries(line.queues, contender.form, count), over),
            daemon=True,
        )
        begin = time.monotonic()
        feeder.start()
        samples: list[dict[str, float]] = []
        try:
            while True:
                [[stored]] = rows(line.database_url, "SELECT COUNT(*) FROM orders")
                now = time.monotonic() - begin
                samples.append({"seconds": now, "orders": int(stored), "mib": memory([worker.pid]) / MIB})
                if stored >= count or now > limit or worker.returncode is not None:
                    break
                time.sleep(_PERIOD)
        finally:
            over.set()
            feeder.join()
        if worker.returncode is not None:
            raise RuntimeError(f"the worker ended with {worker.returncode}: {worker.output[-300:]}")
    return {"orders": count, "stored": samples[-1]["orders"], "samples": samples}


def _feed(queue: BareQueue, messages: Iterator[Entry], over: threading.Event) -> None:
    """Keep the queue filled until there are no more messages."""
    portions = batched(messages)
    while not over.is_set():
        if queue.waiting() > _DEPTH:
            over.wait(_PAUSE)
            continue
        for _ in range(_PORTIONS):
            portion = next(portions, None)
            if portion is None:
                return
            queue.send(portion)
