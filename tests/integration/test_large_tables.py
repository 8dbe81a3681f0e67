"""What measures large tables, with small ones: all rows and indexes are there, and each figure is of what was done."""

import pytest

from tests.large_tables.__main__ import measured
from tests.large_tables.fill import DAYS, fill
from tests.mariadb import rows

ROWS = 8000


@pytest.fixture
def full(mariadb_server):
    """The URL of a database with some rows."""
    url = mariadb_server.fresh()
    fill(mariadb_server, url.rsplit("/", 1)[-1], ROWS, lambda _: None)
    return url


def test_large_tables_are_filled_and_measured(full, mariadb_server):
    assert rows(full, "SELECT COUNT(*), COUNT(DISTINCT accepted_at) FROM orders") == ((ROWS, ROWS),)
    empty = mariadb_server.fresh()
    report = measured(full, empty, seconds=0.2, turns=1)
    for table in ("orders", "task_state"):
        assert len(rows(full, f"SHOW INDEX FROM {table}")) == len(rows(empty, f"SHOW INDEX FROM {table}"))
    assert report["reconcile"]["orders"] == pytest.approx(ROWS / DAYS / 24, abs=2)
    assert 0 < report["purge"]["rows"] <= ROWS / DAYS + 1
    assert {name.rpartition(", ")[2] for name in report["queries"]} == {"empty", "full"}
    assert all(figures["rows/s"] > 0 for figures in report["inserts"].values())
