"""Measure the time from the answer to an order's send until another connection can read its row.

    python -m bench.persist_latency --endpoint URL --queue-url URL --database URL --messages FILE --rate N ...

One thread sends at a constant rate, whatever happens to the orders; at a high rate several orders share a
SendMessageBatch. Another polls the database, every few milliseconds and by primary key, for the rows of the orders that
were sent: it reads a row when it is committed, one poll later at the most. Prints one JSON object.
"""

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import pymysql
from sqlalchemy import make_url

from bench.messages import Entry
from bench.sqs_http import BATCH, HttpQueue

POLL_INTERVAL: Final = 0.002  # seconds
MS: Final = 1000
MIN_SEND_INTERVAL: Final = 0.005  # seconds, so that at a high rate orders share a send
_MAX_POLLED: Final = 2000  # orders in one poll, the oldest first


class LatencyRecorder:
    """The send times of orders without a row, and the times to persist of the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent_at: dict[str, float] = {}
        self.latencies: list[tuple[float, float]] = []  # when an order was sent, and the seconds until it was stored

    def sent(self, ids: list[str], at: float) -> None:
        """SQS has confirmed these orders."""
        with self._lock:
            self._sent_at.update(dict.fromkeys(ids, at))

    def waiting(self) -> list[str]:
        """The oldest orders whose rows have not been read."""
        with self._lock:
            return list(self._sent_at)[:_MAX_POLLED]

    def stored(self, ids: list[str], at: float) -> None:
        """Their rows were read."""
        with self._lock:
            for each in ids:
                sent = self._sent_at.pop(each)
                self.latencies.append((sent, at - sent))

    def missing(self, begin: float) -> int:
        """The number of orders that were sent from `begin` on and are not stored."""
        with self._lock:
            return sum(at >= begin for at in self._sent_at.values())


def report(latencies: list[tuple[float, float]], begin: float, missing: int) -> dict[str, Any]:
    """The result for the orders that were sent from `begin` on.

    Args:
        latencies: for each stored order when it was sent, and the seconds until it was stored.
        begin: of the measurement; time.monotonic().
        missing: orders of the measurement that were not stored in time.
    """
    ordered = sorted(seconds for at, seconds in latencies if at >= begin)
    count = len(ordered)
    return {
        "stored": count,
        "missing": missing,
        "p50_ms": ordered[count // 2] * MS if ordered else None,
        "p99_ms": ordered[count * 99 // 100] * MS if ordered else None,
        "max_ms": ordered[-1] * MS if ordered else None,
    }


def send(queue: HttpQueue, messages: list[tuple[str, Entry]], rate: float, recorder: LatencyRecorder) -> None:
    """Send all messages, each when it is due or as soon after that as possible."""
    begin, done = time.monotonic(), 0
    while done < len(messages):
        due = min(int((time.monotonic() - begin) * rate) + 1, len(messages))
        while done < due:
            batch = messages[done : min(done + BATCH, due)]
            queue.send([entry for _, entry in batch])
            recorder.sent([order_id for order_id, _ in batch], time.monotonic())
            done += len(batch)
        time.sleep(max(begin + done / rate - time.monotonic(), MIN_SEND_INTERVAL))


def poll_rows(database_url: str, recorder: LatencyRecorder, sender: threading.Thread, last_rows: float) -> None:
    """Poll until all rows are there, or until `last_rows` seconds after the last send."""
    url = make_url(database_url)
    connection = pymysql.connect(
        host=url.host, port=url.port or 0, user=url.username, database=url.database, autocommit=True
    )
    deadline = float("inf")
    with connection, connection.cursor() as cursor:
        while time.monotonic() < deadline:
            alive, ids = sender.is_alive(), recorder.waiting()
            if ids:
                cursor.execute("SELECT order_id FROM orders WHERE order_id IN %s", [ids])
                recorder.stored([row[0] for row in cursor.fetchall()], time.monotonic())
            elif not alive:
                return
            if not alive and deadline == float("inf"):
                deadline = time.monotonic() + last_rows
            time.sleep(POLL_INTERVAL)


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser()
    for name in ("--endpoint", "--queue-url", "--database", "--messages"):
        parser.add_argument(name, required=True)
    for name in ("--rate", "--warm-up", "--last-rows"):
        parser.add_argument(name, type=float, required=True)
    given = parser.parse_args()
    messages = [(order_id, entry) for order_id, entry in json.loads(Path(given.messages).read_text())]
    queue, recorder, begin = HttpQueue(given.endpoint, given.queue_url), LatencyRecorder(), time.monotonic()
    sender = threading.Thread(target=send, args=(queue, messages, given.rate, recorder), daemon=True)
    sender.start()
    poll_rows(given.database, recorder, sender, given.last_rows)
    measured_from = begin + given.warm_up
    sys.stdout.write(json.dumps(report(recorder.latencies, measured_from, recorder.missing(measured_from))) + "\n")


if __name__ == "__main__":
    main()
