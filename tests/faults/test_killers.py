"""An order that kills ends its worker with all its processes, and the supervisor starts another one."""

import psutil
import pytest
from sqlalchemy import make_url

from config.queues import ORDER_QUEUE
from tests.faults.clients import FaultyProducer
from tests.faults.cluster import KILLING_APP, Cluster
from tests.faults.history import History
from tests.faults.supervisor import KILLED_BY_ORDER, Supervisor
from tests.polling import poll

OPTIONS = [("--pool=prefork", "--concurrency=2")]

#: Seconds for a worker's first death and three more, each with a visibility timeout of 4 s and a start before it.
DIES = 4 * (4 + 10)

REFUSED = """
    CREATE TRIGGER refuse BEFORE INSERT ON attempts FOR EACH ROW
    IF NEW.order_id = '{}' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF
"""


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


@pytest.mark.long
def test_a_predicted_end_of_a_worker_is_no_violation(cluster, history):
    supervisor = Supervisor(cluster, history, OPTIONS)
    supervisor.start_workers()
    supervisor.predict_end(KILLED_BY_ORDER)
    with supervisor.supervising():
        FaultyProducer(cluster).send_killers(1)
        poll(lambda: len(cluster.workers) == 2, 20, "there is another worker")
    assert history.violations == []
    assert history.effects == {f"workers ended with {KILLED_BY_ORDER}": 1}


@pytest.mark.long
def test_an_end_that_nobody_predicted_is_a_violation(cluster, history):
    supervisor = Supervisor(cluster, history, OPTIONS)
    supervisor.start_workers()
    with supervisor.supervising():
        FaultyProducer(cluster).send_killers(1)
        poll(lambda: len(cluster.workers) == 2, 20, "there is another worker")
    [violation] = history.violations
    assert "ended by itself with -9" in violation


@pytest.mark.long
def test_a_killer_whose_attempts_cannot_be_recorded_dies_alone_and_after_its_receives(
    emulator, mariadb_server, tmp_path, history
):
    with Cluster(emulator, mariadb_server, tmp_path, 4, application=KILLING_APP) as cluster:
        cluster.send(20)
        [killer] = FaultyProducer(cluster).send_killers(1)
        mariadb_server.execute(REFUSED.format(killer), make_url(cluster.database_url).database)
        supervisor = Supervisor(cluster, history, OPTIONS)
        supervisor.predict_end(KILLED_BY_ORDER)
        supervisor.start_workers()
        with supervisor.supervising():
            poll(lambda: cluster.queues.peek(cluster.queues.dlq_url), DIES, "it is dead")
            poll(lambda: not cluster.not_stored() and not cluster.queues.waiting(), 20, "all others are stored")
        supervisor.stop()
        assert [order["orderId"] for order in cluster.queues.dead()] == [killer]
        assert history.violations == []
        [deaths] = history.effects.values()
        assert deaths <= 1 + ORDER_QUEUE.max_receive_count
        logs = [log.read_text() for log in tmp_path.glob("worker-*.log")]
        assert any("cannot be recorded: its receives count" in log for log in logs)
