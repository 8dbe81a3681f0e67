"""An order that kills ends its worker with all its processes, and the supervisor starts another one."""

import psutil
import pytest

from tests.faults.clients import FaultyProducer
from tests.faults.cluster import KILLING_APP, Cluster
from tests.faults.history import History
from tests.faults.supervisor import KILLED_BY_ORDER, Supervisor
from tests.polling import poll

OPTIONS = [("--pool=prefork", "--concurrency=2")]


@pytest.fixture
def cluster(emulator, mariadb_server, tmp_path):
    with Cluster(emulator, mariadb_server, tmp_path, 30, application=KILLING_APP) as running:
        yield running


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "history.log")


def test_a_good_order_is_stored_and_a_killer_ends_the_whole_process_group(cluster):
    worker = cluster.start_worker(*OPTIONS[0])
    children = psutil.Process(worker.pid).children(recursive=True)
    assert children
    cluster.assert_new_orders_are_stored(10)
    FaultyProducer(cluster).send_killers(1)
    poll(lambda: worker.returncode is not None, 10, "the worker has ended")
    assert worker.returncode == KILLED_BY_ORDER
    cluster.workers.clear()
    poll(lambda: not any(child.is_running() for child in children), 10, "so have its children")


def test_a_predicted_end_of_a_worker_is_no_violation(cluster, history):
    supervisor = Supervisor(cluster, history, OPTIONS)
    supervisor.start_workers()
    supervisor.predict_end(KILLED_BY_ORDER)
    with supervisor.supervising():
        FaultyProducer(cluster).send_killers(1)
        poll(lambda: len(cluster.workers) == 2, 20, "there is another worker")
    assert history.violations == []
    assert history.effects == {f"workers ended with {KILLED_BY_ORDER}": 1}


def test_an_end_that_nobody_predicted_is_a_violation(cluster, history):
    supervisor = Supervisor(cluster, history, OPTIONS)
    supervisor.start_workers()
    with supervisor.supervising():
        FaultyProducer(cluster).send_killers(1)
        poll(lambda: len(cluster.workers) == 2, 20, "there is another worker")
    [violation] = history.violations
    assert "ended by itself with -9" in violation
