"""What fails ends in the DLQ, by SQS's own redrive, after as many tries as the queue allows."""

import signal
import time

import psutil

from config.queues import ORDER_QUEUE
from tests.mariadb import rows
from tests.polling import poll

FAIL_ONE_PRODUCT = """
CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW
IF NEW.product_name = 'explosive' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not in this house'; END IF
"""


def test_an_order_whose_insert_always_fails_is_run_three_times_and_is_then_in_the_dlq(
    client, start_worker, environment, queues, mariadb_server
):
    mariadb_server.execute(FAIL_ONE_PRODUCT, environment["DATABASE_URL"].rsplit("/", 1)[-1])
    worker = start_worker()

    failing = client.post(product="explosive", price="12.30")
    others = [client.post() for _ in range(10)]

    poll(lambda: all(client.is_persisted(other) for other in others), 10, "the others are persisted")
    [body] = poll(queues.dead, 30, "the failing order is in the DLQ")
    assert body["orderId"] == failing
    assert body["productName"] == "explosive"
    assert client.state(failing) == "dead"
    assert worker.output.count("attempt failed") == ORDER_QUEUE.max_receive_count
    recorded = rows(environment["DATABASE_URL"], "SELECT order_id, receive_count, final, message FROM attempts")
    assert [(row[0], row[1], row[2]) for row in recorded] == [(failing, 1, 0), (failing, 2, 0), (failing, 3, 1)]
    assert all("not in this house" in row[3] for row in recorded)


def test_a_failed_order_is_retrying_until_its_last_try(client, start_worker, environment, mariadb_server):
    mariadb_server.execute(FAIL_ONE_PRODUCT, environment["DATABASE_URL"].rsplit("/", 1)[-1])
    start_worker()
    failing = client.post(product="explosive")
    poll(lambda: client.state(failing) == "retrying", 5, "the order is retrying")

    mariadb_server.execute("DROP TRIGGER refuse", environment["DATABASE_URL"].rsplit("/", 1)[-1])

    poll(lambda: client.is_persisted(failing), 10, "the order is persisted by a later try")


def test_an_invalid_order_is_in_the_dlq_within_seconds_with_its_reason(start_worker, environment, queues):
    start_worker()
    sent_at = time.monotonic()
    queues.send('{"orderId": "5f0c1a34-9d1c-4c62-8b3a-0d6f3c1f5e11", "quantity": 0}')

    poll(queues.dead, 5, "the invalid order is in the DLQ")

    # Far less than three visibility timeouts: no attempt waits for what waiting cannot change.
    assert time.monotonic() - sent_at < 5
    recorded = rows(environment["DATABASE_URL"], "SELECT order_id, error_class, message FROM attempts")
    assert len(recorded) == ORDER_QUEUE.max_receive_count
    assert recorded[0][:2] == ("5f0c1a34-9d1c-4c62-8b3a-0d6f3c1f5e11", "InvalidOrder")
    assert "totalPrice" in recorded[0][2]


def test_another_order_under_a_used_key_is_a_conflict_that_changes_nothing(client, start_worker, environment, queues):
    start_worker()
    order_id = client.post(key="k", quantity=1)
    poll(lambda: client.is_persisted(order_id), 5, "the first order is persisted")

    assert client.post(key="k", quantity=9) == order_id

    poll(queues.dead, 5, "the second order is in the DLQ")
    assert client.get(f"/api/v1/orders/{order_id}").json()["quantity"] == 1
    [reason] = {row[0] for row in rows(environment["DATABASE_URL"], "SELECT error_class FROM attempts")}
    assert reason == "ConflictingOrder"


def test_poison_goes_to_the_dlq_and_the_worker_goes_on(client, start_worker, queues):
    worker = start_worker()
    poison = ["not json", "[1, 2]", '"text"', "{", '{"a": NaN}', '{"properties": null, "body": "%%%"}', "[" * 100_000]
    for body in poison:
        queues.send(body)

    poll(lambda: len(_dead_bodies(queues)) == len(poison), 20, "all poison is in the DLQ")

    assert _dead_bodies(queues) == set(poison)
    order_id = client.post()
    poll(lambda: client.is_persisted(order_id), 5, "the worker goes on")
    assert worker.returncode is None


def test_a_killed_pool_child_costs_its_order_one_receive(client, start_worker, environment, mariadb_server):
    worker = start_worker("-c", "1")
    database = environment["DATABASE_URL"].rsplit("/", 1)[-1]
    with mariadb_server.locked("orders", database):
        order_id = client.post()
        [child] = poll(lambda: _busy_children(mariadb_server, database, worker), 5, "the child is at it")
        child.send_signal(signal.SIGKILL)
        child.wait(5)

    poll(lambda: client.is_persisted(order_id), 10, "the order is persisted by another child")
    assert client.get(f"/api/v1/orders/{order_id}").json()["attempts"] == 2


def test_a_stopped_worker_hands_back_what_it_has_not_started(client, start_worker, environment, queues, mariadb_server):
    worker = start_worker("-c", "1")
    database = environment["DATABASE_URL"].rsplit("/", 1)[-1]
    with mariadb_server.locked("orders", database):
        posted = [client.post() for _ in range(4)]
        poll(lambda: _busy_children(mariadb_server, database, worker), 5, "the child is at it")
        worker.send(signal.SIGTERM)
    assert worker.wait() == 0

    start_worker()
    stopped_at = time.monotonic()
    poll(lambda: all(client.is_persisted(order_id) for order_id in posted), 10, "all are persisted")
    assert time.monotonic() - stopped_at < 5
    assert queues.dead() == []


def _busy_children(server, database, worker):
    """The worker's pool processes, once one of them waits for the database."""
    waiting = server.execute(
        f"SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{database}' AND info LIKE 'INSERT%'"
    )
    return psutil.Process(worker.pid).children() if waiting[0][0] else []


def _dead_bodies(queues):
    return {message["Body"] for message in queues.peek(queues.dlq_url)}
