"""Deploys: worker after worker is replaced while orders come in, and no order is lost or late."""

import os
import signal
import threading
import time

import pytest

from config.queues import ORDER_QUEUE
from tests.faults.cluster import Cluster
from tests.mariadb import rows
from tests.polling import poll

RESTARTS = 20 if os.environ.get("FAULTS") == "long" else 4
CLIENTS = 4
DELAY = 5.0  # seconds from its 202 that an order may take in all

HIDDEN = 60  # seconds for which a message that has had two receives is not visible: longer than until it is released

STOP = 10  # seconds that a stopping worker may take


@pytest.fixture
def cluster(emulator, mariadb_server, tmp_path):
    # The house's own visibility timeout: an order that a stopped worker does not release is late by 30 seconds.
    with Cluster(emulator, mariadb_server, tmp_path, ORDER_QUEUE.visibility_timeout) as running:
        yield running


@pytest.mark.long
def test_an_order_on_its_last_receive_is_renewed_by_the_worker_that_stops(cluster):
    """Released, it would be dead without a failed attempt; run, it would keep the stop waiting."""
    [order_id] = cluster.send(1)
    received = _received_twice(cluster)
    worker = cluster.start_worker("-c", "1")
    first = cluster.send(1)
    poll(lambda: cluster.stored(first), 10, "the worker stores orders")
    with cluster.orders_locked():
        others = cluster.send(1)
        poll(lambda: cluster.is_inserting(worker), 10, "the pool is busy")
        _show(cluster, received)
        poll(lambda: cluster.queues.visible() == 0, 10, "the worker has received it")
        worker.send(signal.SIGTERM)
        time.sleep(0.5)
    assert worker.wait(STOP) == 0
    cluster.workers.clear()
    assert not cluster.stored([order_id])
    assert cluster.queues.dead() == []

    cluster.start_worker("-c", "1")
    poll(lambda: cluster.stored([order_id, *others]), 10, "another worker stores it")
    [[attempts]] = rows(cluster.database_url, f"SELECT attempts FROM orders WHERE order_id = '{order_id}'")
    assert attempts == 1
    cluster.assert_no_anomalies(within=5)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_rolling_restarts_under_load_delay_no_order(cluster):
    web = cluster.start_web()
    running = [cluster.start_worker("-c", "1") for _ in range(2)]
    stopped = threading.Event()

    def post():
        while not stopped.is_set():
            cluster.post(web)
            time.sleep(0.02)

    clients = [threading.Thread(target=post) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(RESTARTS):
            cluster.start_worker("-c", "1")
            running.append(cluster.workers[-1])
            leaving = running.pop(0)
            leaving.send(signal.SIGTERM)
            assert leaving.wait(STOP) == 0
            cluster.workers.remove(leaving)
    finally:
        stopped.set()
        for client in clients:
            client.join()

    poll(lambda: cluster.stored(list(cluster.accepted.by_id)), 10, "all orders are stored")
    cluster.assert_no_anomalies(within=10)
    query = "SELECT COUNT(*), MAX(TIMESTAMPDIFF(MICROSECOND, accepted_at, persisted_at)), MAX(attempts) FROM orders"
    [[count, slowest, attempts]] = rows(cluster.database_url, query)
    assert count > RESTARTS * 10
    assert slowest / 1e6 <= DELAY
    assert attempts == 1


@pytest.mark.long
def test_an_order_on_its_last_receive_is_renewed_by_a_stop_while_the_database_hangs(cluster, mariadb_server):
    """Otherwise it is looked up, or renewed, within milliseconds: few stops meet it as this third one does."""
    [order_id] = cluster.send(1)
    received = _received_twice(cluster)
    worker = cluster.start_worker("-c", "1")
    first = cluster.send(1)
    poll(lambda: cluster.stored(first), 10, "the worker stores orders")
    with mariadb_server.suspended():
        _show(cluster, received)
        poll(lambda: cluster.queues.visible() == 0, 10, "the worker has received it")
        worker.send(signal.SIGTERM)
        assert worker.wait(STOP) == 0
    cluster.workers.clear()
    cluster.start_worker("-c", "1")
    # SQS moves what has no receive left to the DLQ at the next receive.
    poll(lambda: not cluster.queues.waiting(), 20, "another worker empties the queue")
    assert cluster.stored([order_id])
    cluster.assert_no_anomalies(within=5)


def _received_twice(cluster):
    """The only message of the queue, after two receives, as of workers that have released it; nobody sees it."""
    for hidden_for in (0, HIDDEN):
        response = cluster.queues.sqs.receive_message(QueueUrl=cluster.queues.url, VisibilityTimeout=hidden_for)
        [received] = response["Messages"]
    return received


def _show(cluster, received):
    """Make a message visible."""
    cluster.queues.sqs.change_message_visibility(
        QueueUrl=cluster.queues.url, ReceiptHandle=received["ReceiptHandle"], VisibilityTimeout=0
    )
