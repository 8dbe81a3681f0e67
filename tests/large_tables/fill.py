"""Fills `orders` and `task_state` with rows as a worker would leave them, many millions of them in an hour.

Keys are spread over all of their range, as random ones are, but written in order; the indexes are made afterwards. So
the tables are as large, and their pages fuller, than after as many single inserts.
"""

from collections.abc import Callable
from typing import Any, Final

from tasks.orders import PERSIST_ORDER
from tests.mariadb import MariaDB

#: Days over which the rows are spread: one more than events are kept.
DAYS: Final = 8
USERS: Final = 1_000_000

_STEP: Final = 500_000  # rows of one statement
_KEYS: Final = 2**48  # of which each row has one, as far apart as they can be
_PRIME: Final = 7_368_787  # spreads the instants over the keys; no divisor of a round number of rows
_USER_PRIME: Final = 15_485_863
_ARGS: Final = 190  # characters that a worker reports of an order's arguments
_DAY: Final = 86_400_000_000  # microseconds

_ID: Final = "CONCAT(LEFT(h, 8), '-', RIGHT(h, 4), '-4000-8000-', LPAD(LOWER(HEX(seq)), 12, '0'))"

_ORDERS: Final = f"""INSERT INTO orders
    SELECT {_ID}, 1 + seq * {_USER_PRIME} MOD {USERS}, 'Widget', 2, 99.90, 'pending', at, at, 1, 'orders@worker', {_ID}
    FROM {{source}}"""

_TASKS: Final = f"""INSERT INTO task_state (task_id, version, name, state, subject, message_id, worker, receive_count,
    args, kwargs, sent_at, received_at, started_at, finished_at, changed_at)
    SELECT {_ID}, 10, '{PERSIST_ORDER}', IF(seq MOD 10000 = 0, 'FAILURE', 'SUCCESS'), {_ID}, {_ID}, 'orders@worker', 1,
    REPEAT('x', {_ARGS}), '{{{{}}}}', at, at, at, at, at FROM {{source}}"""

INSERTS: Final = {"orders": _ORDERS, "task_state": _TASKS}


def fill(server: MariaDB, database: str, rows: int, say: Callable[[str], Any]) -> None:
    """Fill both tables of a fresh database.

    Args:
        server: where it is.
        database: its name.
        rows: of each table.
        say: is told how far it is.
    """
    server.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    for table, insert in INSERTS.items():
        indexes = _without_indexes(server, database, table)
        for first in range(1, rows + 1, _STEP):
            last = min(first + _STEP - 1, rows)
            server.execute(insert.format(source=_source(first, last, rows)), database)
            say(f"{table}: {last} rows")
        server.execute(f"ALTER TABLE {table} {', '.join(f'ADD {index}' for index in indexes)}", database)
        server.execute(f"ANALYZE TABLE {table}", database)
    server.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1")


def _source(first: int, last: int, rows: int) -> str:
    return f"""(SELECT seq, LPAD(LOWER(HEX(seq * {_KEYS // rows})), 12, '0') AS h,
        UTC_TIMESTAMP(6) - INTERVAL (seq * {_PRIME} MOD {rows}) * {DAYS * _DAY // rows} MICROSECOND AS at
        FROM seq_{first}_to_{last}) AS source"""


def _without_indexes(server: MariaDB, database: str, table: str) -> list[str]:
    """Drop a table's indexes; returns what makes them again."""
    [[_, statement]] = server.execute(f"SHOW CREATE TABLE {table}", database)
    indexes = [line.strip().rstrip(",") for line in statement.splitlines() if line.strip().startswith("KEY ")]
    for index in indexes:
        server.execute(f"ALTER TABLE {table} DROP KEY {index.split()[1]}", database)
    return indexes
