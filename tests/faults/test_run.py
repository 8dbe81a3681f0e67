"""A short run has no anomalies, and the oracle would find one."""

from collections import Counter

import pymysql
import pytest
from sqlalchemy import make_url

from tests.faults.cluster import Cluster
from tests.faults.history import History
from tests.faults.oracle import find_anomalies
from tests.faults.run import run
from tests.faults.schedule import Fault

pytestmark = pytest.mark.long

SEED = 7
VISIBILITY_TIMEOUT = 3  # seconds; half of what `make faults` has

SCHEDULE = [
    Fault(0.4, 0, "child killed", worker=0),
    Fault(1.2, 1, "worker killed", worker=0),
    Fault(1.8, 2.4, "database killed"),
    Fault(3.4, 0, "conflicting orders"),
    Fault(3.8, 1, "delete responses lost"),
    Fault(4.2, 0, "invalid orders"),
    Fault(5.5, 0, "poison messages"),
    Fault(6.8, 0, "burst of orders"),
]


@pytest.fixture(scope="module")
def cluster(emulator, mariadb_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with Cluster(emulator, mariadb_server, folder, VISIBILITY_TIMEOUT, seed=SEED) as running:
        yield running


def test_a_short_run_loses_no_order_duplicates_none_and_kills_none(cluster, mariadb_server, tmp_path):
    history = History(tmp_path / "history.log")
    report = run(cluster, mariadb_server, SCHEDULE, history, SEED)
    assert report.passed, f"{report}\n{history.path.read_text()}"
    assert report.stored == report.accepted > 100
    assert report.faults == Counter(fault.kind for fault in SCHEDULE)


def test_the_oracle_finds_a_stored_order_that_is_deleted(cluster):
    deleted = next(iter(cluster.accepted.by_id))
    url = make_url(cluster.database_url)
    with pymysql.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        database=url.database,
        autocommit=True,
    ) as connection:
        connection.cursor().execute("DELETE FROM orders WHERE order_id = %s", (deleted,))
    assert find_anomalies(cluster.accepted, cluster.database_url, cluster.queues).lost == [deleted]
