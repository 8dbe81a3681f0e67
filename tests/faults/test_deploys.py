"""Deploys: worker after worker is replaced while orders come in, and no order notices."""

import os
import signal
import threading
import time

import pytest

from config.queues import ORDER_QUEUE
from tests.faults.stage import Stage
from tests.mariadb import rows
from tests.polling import poll

RESTARTS = 20 if os.environ.get("FAULTS") == "long" else 4
CLIENTS = 4
DELAY = 5.0  # seconds from its 202 that an order may take in all

HIDDEN = 5  # seconds until a message that has had two receives is seen again

#: Seconds that a stopping worker may take: a long poll, and what it is at.
STOP = ORDER_QUEUE.receive_wait + 10


@pytest.fixture
def stage(emulator, mariadb_server, tmp_path):
    # The house's own visibility timeout: an order that a stopped worker takes along is late by 30 seconds.
    with Stage(emulator, mariadb_server, tmp_path, ORDER_QUEUE.visibility_timeout) as set_up:
        yield set_up


def test_an_order_on_its_last_receive_is_run_by_the_worker_that_stops(stage):
    """Given back it would be dead, and nobody has failed on it."""
    [order_id] = stage.send(1)
    for hidden_for in (0, HIDDEN):
        answer = stage.queues.sqs.receive_message(QueueUrl=stage.queues.url, VisibilityTimeout=hidden_for)
        assert len(answer["Messages"]) == 1
    seen_again_at = time.monotonic() + HIDDEN
    worker = stage.start_worker("-c", "1")
    first = stage.send(1)
    poll(lambda: stage.stored(first), 10, "the worker stores orders")
    with stage.locked():
        others = stage.send(1)
        poll(lambda: stage.inserts(worker), 10, "the pool is busy")
        time.sleep(max(0.0, seen_again_at + 2 - time.monotonic()))
        worker.send(signal.SIGTERM)
        time.sleep(0.5)
    assert worker.wait(STOP) == 0
    stage.workers.clear()

    [[receives]] = rows(stage.database_url, f"SELECT attempts FROM orders WHERE order_id = '{order_id}'")
    assert receives == ORDER_QUEUE.max_receive_count
    reported = rows(stage.database_url, f"SELECT state, receive_count FROM task_state WHERE subject = '{order_id}'")
    assert reported == (("SUCCESS", receives),)
    stage.start_worker("-c", "1")
    poll(lambda: stage.stored(others), 10, "what it had begun is stored, too")
    stage.assert_all_is_well(within=5)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_rolling_restarts_under_load_delay_no_order(stage):
    web = stage.start_web()
    running = [stage.start_worker("-c", "1") for _ in range(2)]
    stopped = threading.Event()

    def post():
        while not stopped.is_set():
            stage.post(web)
            time.sleep(0.02)

    clients = [threading.Thread(target=post) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(RESTARTS):
            stage.start_worker("-c", "1")
            running.append(stage.workers[-1])
            leaving = running.pop(0)
            leaving.send(signal.SIGTERM)
            assert leaving.wait(STOP) == 0
            stage.workers.remove(leaving)
    finally:
        stopped.set()
        for client in clients:
            client.join()

    poll(lambda: stage.stored(list(stage.ledger.accepted)), 10, "all orders are stored")
    stage.assert_all_is_well(within=10)
    query = "SELECT COUNT(*), MAX(TIMESTAMPDIFF(MICROSECOND, accepted_at, persisted_at)), MAX(attempts) FROM orders"
    [[count, slowest, receives]] = rows(stage.database_url, query)
    assert count > RESTARTS * 10
    assert slowest / 1e6 <= DELAY
    assert receives <= 2
