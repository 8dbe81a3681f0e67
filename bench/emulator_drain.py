"""Drain a queue as fast as the emulator allows: receive ten and delete ten, on several connections, without a database.

    python -m bench.emulator_drain --endpoint URL --queue-url URL --orders N --connections N --seconds SECONDS

Prints a JSON object with the messages deleted and the seconds from the first delete to the last.
"""

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench.sqs_http import HttpQueue


class Drain:
    """Threads that drain one queue, each on a connection of its own."""

    def __init__(self, endpoint: str, queue_url: str, orders: int, seconds: float) -> None:
        self._endpoint = endpoint
        self._queue_url = queue_url
        self._orders = orders
        self._end = time.monotonic() + seconds
        self._deleted: list[tuple[float, int]] = []  # when, and how many; list.append is atomic

    def run(self, connections: int) -> dict[str, float]:
        """Drain the queue, or go on until the time is over."""
        with ThreadPoolExecutor(connections) as threads:
            list(threads.map(self._work, range(connections)))
        self._deleted.sort()
        (first, with_the_first), (last, _) = self._deleted[0], self._deleted[-1]
        total = sum(count for _, count in self._deleted)
        return {"deleted": total, "messages": total - with_the_first, "seconds": last - first}

    def _work(self, number: int) -> None:
        queue = HttpQueue(self._endpoint, self._queue_url)
        while sum(count for _, count in self._deleted) < self._orders and time.monotonic() < self._end:
            messages = queue.receive()
            if not messages:
                return  # the other threads have received the rest
            done = queue.delete(messages)
            self._deleted.append((time.monotonic(), done))


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--queue-url", required=True)
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    result = Drain(given.endpoint, given.queue_url, given.orders, given.seconds).run(given.connections)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
