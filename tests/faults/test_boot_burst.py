"""Requests that wait while the API boots are answered, and share its connections to the database."""

import pytest

from tests.faults.boot_burst import REQUESTS, burst_at_boot
from tests.faults.cluster import Cluster
from tests.faults.history import History
from tests.faults.supervisor import Supervisor
from tests.polling import poll


@pytest.mark.long
def test_a_burst_at_boot_is_answered(emulator, mariadb_server, tmp_path):
    history = History(tmp_path / "history.log")
    with Cluster(emulator, mariadb_server, tmp_path, 30) as cluster:
        supervisor = Supervisor(cluster, history, options=[()])
        supervisor.start()
        burst_at_boot(cluster, supervisor, history, mariadb_server.port)
        poll(lambda: not cluster.not_stored(), 20, "all are stored")
        supervisor.stop()
        cluster.workers.clear()
        cluster.assert_no_anomalies(within=5)
    assert history.violations == []
    assert history.effects["requests that waited for a boot"] == REQUESTS
