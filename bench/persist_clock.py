"""How long orders take from the answer to their send until others can read their rows.

    python -m bench.persist_clock --endpoint URL --queue-url URL --database URL --messages FILE --rate N ...

One thread sends at a constant rate and waits for nobody; where the rate asks for it, several orders share a
SendMessageBatch. Another asks the database, every few milliseconds and by primary key, which of the orders under
way are there: it sees a row when it is committed, a look later at the most. Prints one JSON object.
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

from bench.bare import BATCH, BareQueue
from bench.forms import Entry

LOOK: Final = 0.002  # seconds between two looks
MS: Final = 1000
_TICK: Final = 0.005  # seconds between two sends at least, so that a fast sender shares them
_AT_ONCE: Final = 2000  # orders asked for in one look, the oldest first


class Clock:
    """The send times of orders under way, and the times to persist of those that arrived."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, float] = {}
        self.taken: list[tuple[float, float]] = []  # when it was sent, and how long it took

    def sent(self, ids: list[str], at: float) -> None:
        """These have been confirmed."""
        with self._lock:
            self._under_way.update(dict.fromkeys(ids, at))

    def waiting(self) -> list[str]:
        """The oldest of those whose rows have not been seen."""
        with self._lock:
            return list(self._under_way)[:_AT_ONCE]

    def seen(self, ids: list[str], at: float) -> None:
        """Their rows are there."""
        with self._lock:
            for each in ids:
                sent = self._under_way.pop(each)
                self.taken.append((sent, at - sent))

    def missing(self, begin: float) -> int:
        """How many that were sent from `begin` on are not there."""
        with self._lock:
            return sum(at >= begin for at in self._under_way.values())


def report(taken: list[tuple[float, float]], begin: float, missing: int) -> dict[str, Any]:
    """What came of the orders that were sent from `begin` on.

    Args:
        taken: for each stored order when it was sent, and how long it took.
        begin: of what counts.
        missing: orders that count and were not stored in time.
    """
    ordered = sorted(seconds for at, seconds in taken if at >= begin)
    count = len(ordered)
    return {
        "stored": count,
        "missing": missing,
        "p50_ms": ordered[count // 2] * MS if ordered else None,
        "p99_ms": ordered[count * 99 // 100] * MS if ordered else None,
        "max_ms": ordered[-1] * MS if ordered else None,
    }


def send(queue: BareQueue, messages: list[tuple[str, Entry]], rate: float, clock: Clock) -> None:
    """All messages, each when it is due or as soon after that as can be."""
    begin, done = time.monotonic(), 0
    while done < len(messages):
        due = min(int((time.monotonic() - begin) * rate) + 1, len(messages))
        while done < due:
            portion = messages[done : min(done + BATCH, due)]
            queue.send([entry for _, entry in portion])
            clock.sent([order_id for order_id, _ in portion], time.monotonic())
            done += len(portion)
        time.sleep(max(begin + done / rate - time.monotonic(), _TICK))


def watch(database_url: str, clock: Clock, sender: threading.Thread, last_rows: float) -> None:
    """Look until all are there, or `last_rows` seconds after the last was sent."""
    url = make_url(database_url)
    connection = pymysql.connect(
        host=url.host, port=url.port or 0, user=url.username, database=url.database, autocommit=True
    )
    deadline = float("inf")
    with connection, connection.cursor() as cursor:
        while time.monotonic() < deadline:
            alive, ids = sender.is_alive(), clock.waiting()
            if ids:
                cursor.execute("SELECT order_id FROM orders WHERE order_id IN %s", [ids])
                clock.seen([row[0] for row in cursor.fetchall()], time.monotonic())
            elif not alive:
                return
            if not alive and deadline == float("inf"):
                deadline = time.monotonic() + last_rows
            time.sleep(LOOK)


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser()
    for name in ("--endpoint", "--queue-url", "--database", "--messages"):
        parser.add_argument(name, required=True)
    for name in ("--rate", "--warm-up", "--last-rows"):
        parser.add_argument(name, type=float, required=True)
    given = parser.parse_args()
    messages = [(order_id, entry) for order_id, entry in json.loads(Path(given.messages).read_text())]
    queue, clock, begin = BareQueue(given.endpoint, given.queue_url), Clock(), time.monotonic()
    sender = threading.Thread(target=send, args=(queue, messages, given.rate, clock), daemon=True)
    sender.start()
    watch(given.database, clock, sender, given.last_rows)
    counting = begin + given.warm_up
    sys.stdout.write(json.dumps(report(clock.taken, counting, clock.missing(counting))) + "\n")


if __name__ == "__main__":
    main()
