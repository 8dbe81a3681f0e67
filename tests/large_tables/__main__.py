"""Fill and measure tables of many millions of rows.

    python -m tests.large_tables --rows 20000000 --folder DIR
    python -m tests.large_tables --full URL --empty URL     # tables that are filled already

Prints a JSON object. 20 million rows take 30 GB and an hour. The folder is left as it is, with the server's data.
"""

import argparse
import json
import sys
from datetime import UTC
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from orders.database import connect
from tests.large_tables import measure
from tests.large_tables.fill import fill
from tests.mariadb import MariaDB

#: MariaDB's own defaults are for a machine with little memory. The tables are many times larger than this.
OPTIONS = ("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M")


def main() -> None:
    """Read the arguments, fill, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--full")
    parser.add_argument("--empty")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    if given.full and given.empty:
        sys.stdout.write(json.dumps(measured(given.full, given.empty, given.seconds, given.turns), indent=1) + "\n")
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    server = MariaDB(given.folder, *OPTIONS)
    try:
        full, empty = server.fresh(), server.fresh()
        sys.stderr.write(f"--full {full} --empty {empty}\n")
        fill(server, full.rsplit("/", 1)[-1], given.rows, lambda progress: sys.stderr.write(f"{progress}\n"))
        sys.stdout.write(json.dumps(measured(full, empty, given.seconds, given.turns), indent=1) + "\n")
    finally:
        server.stop()


def measured(full: str, empty: str, seconds: float, turns: int) -> dict[str, Any]:
    """All figures.

    Args:
        full: the database with the large tables.
        empty: one with empty ones.
        seconds: of each turn.
        turns: of the inserts; the purge gets as long as all of them for one.
    """
    engines = {"empty": connect(empty), "full": connect(full)}
    key = _an_order(engines["full"])
    return {
        "sizes": _sizes(engines["full"]),
        "queries": measure.queries(engines, key),
        "inserts": measure.inserts(engines, seconds, turns),
        "reconcile": measure.reconciling(engines["full"], key[1]),
        "purge": measure.purging(engines["full"], seconds * turns),
    }


def _an_order(engine: Engine) -> Any:
    """An order from the middle of the time."""
    query = "SELECT order_id, accepted_at, user_id FROM orders WHERE order_id > '80000000' ORDER BY order_id LIMIT 1"
    with engine.connect() as connection:
        order_id, _, user_id = connection.execute(text(query)).one()
        at = connection.scalar(text("SELECT UTC_TIMESTAMP(6) - INTERVAL 3 DAY"))
    return order_id, at.replace(tzinfo=UTC), user_id


def _sizes(engine: Engine) -> dict[str, dict[str, float]]:
    query = """SELECT table_name, table_rows, data_length / POW(1024, 3), index_length / POW(1024, 3)
        FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN ('orders', 'task_state')"""
    with engine.connect() as connection:
        rows = connection.execute(text(query)).all()
    return {name: {"rows": count, "GiB": data, "GiB of indexes": index} for name, count, data, index in rows}


if __name__ == "__main__":
    main()
