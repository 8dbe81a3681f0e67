"""Commit orders as fast as the database can, without a queue: the rows and the statement of a worker.

    python -m bench.inserts --database URL --rows N --connections N --seconds SECONDS

Prints a JSON object. The statements' texts are made before the measurement, so that it measures the server alone.
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench.messages import orders
from bench.peers import table

_MAX_ROWS: Final = 40_000  # that there are texts for, on each connection
_MAX_TEXTS: Final = 10_000


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    os.environ["DATABASE_URL"] = given.database
    texts = [_texts(given.rows) for _ in range(given.connections)]
    begin = time.monotonic()
    end = begin + given.seconds
    with ThreadPoolExecutor(given.connections) as threads:
        statements = sum(threads.map(lambda mine: _execute(mine, end), texts))
    seconds = time.monotonic() - begin
    sys.stdout.write(json.dumps({"rate": statements * given.rows / seconds}) + "\n")


def _texts(rows: int) -> list[str]:
    """Statements of so many rows each."""
    count = min(_MAX_ROWS // rows, _MAX_TEXTS)
    with table.connection().cursor() as cursor:
        return [
            table.insert_statement(cursor, [(order, order["orderId"], 1) for order in orders(rows)], "bench")
            for _ in range(count)
        ]


def _execute(texts: list[str], end: float) -> int:
    """Execute each in a transaction of its own until the time is over; returns how many were executed."""
    done = 0
    with table.connection().cursor() as cursor:
        for text in texts:
            if time.monotonic() > end:
                break
            cursor.execute(text)
            done += 1
    return done


if __name__ == "__main__":
    main()
