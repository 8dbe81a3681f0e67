"""The main job: an order posted over HTTP is a row in MariaDB, once, whatever happens on the way."""

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.mariadb import rows
from tests.plain.messages import ORDER
from tests.polling import poll

ORDERS = 1000
CLIENTS = 20


def test_an_accepted_order_is_persisted_within_three_seconds(client, start_worker):
    start_worker()
    answer = client.try_post(product="  Teekännchen ☕ ", quantity=3, price="1234567890.10")
    accepted_at = time.monotonic()
    order_id = answer.json()["orderId"]
    assert answer.headers["Location"] == f"/api/v1/orders/{order_id}"

    poll(lambda: client.is_persisted(order_id), 3, "the order is persisted")

    assert time.monotonic() - accepted_at < 3
    # The answer's digits, not what a float makes of them.
    stored = json.loads(client.get(answer.headers["Location"]).text, parse_float=str)
    assert stored["productName"] == "Teekännchen ☕"
    assert stored["quantity"] == 3
    assert stored["totalPrice"] == "1234567890.10"


@pytest.mark.long  # tests/faults/test_run.py kills a worker and a child among fewer orders
def test_a_thousand_orders_survive_two_killed_workers(client, start_worker, environment, queues):
    def post(number):
        return client.post(product=f"Item {number}", quantity=number + 1, price=f"{number}.{number % 100:02}")

    with ThreadPoolExecutor(CLIENTS) as clients:
        posted = clients.map(post, range(ORDERS))
        worker = start_worker()
        _wait_for_rows(environment, ORDERS // 10)
        worker.send(signal.SIGKILL)  # the main process alone: its children must not carry on for ever
        worker.wait()
        worker = start_worker()
        _wait_for_rows(environment, ORDERS // 2)
        worker.kill()  # main process and children, as when the machine dies
        start_worker()
        ids = list(posted)

    poll(lambda: _count(environment) >= ORDERS and not queues.waiting(), 60, "all orders are stored")

    assert len(set(ids)) == ORDERS
    stored = rows(environment["DATABASE_URL"], "SELECT order_id, product_name, quantity, total_price FROM orders")
    assert {(row[0], row[1], row[2], str(row[3])) for row in stored} == {
        (order_id, f"Item {number}", number + 1, f"{number}.{number % 100:02}") for number, order_id in enumerate(ids)
    }
    assert len(stored) == ORDERS
    assert queues.dead() == []


def test_the_message_is_the_adr_object_and_nothing_else(client, queues):
    order_id = client.post(product="Widget", quantity=2, price="99.90")

    [message] = poll(lambda: queues.peek(queues.url), 5, "the message is in the queue")

    body = json.loads(message["Body"])
    assert list(body) == ["orderId", "userId", "productName", "quantity", "totalPrice", "status", "timestamp"]
    assert body["orderId"] == order_id
    assert body["userId"] == 1
    assert '"totalPrice":99.90' in message["Body"]


def test_an_order_of_another_producer_is_persisted(client, start_worker, queues, environment):
    start_worker()
    order_id = ORDER["orderId"]
    queues.send(json.dumps(ORDER))

    poll(lambda: client.get(f"/api/v1/orders/{order_id}").ok, 5, "the order is persisted")

    assert rows(environment["DATABASE_URL"], "SELECT total_price, worker <> '' FROM orders")[0][1] == 1


def test_a_repeated_post_with_the_same_key_is_one_order(client, start_worker, environment, queues):
    start_worker()
    ids = {client.post(key="order-4711") for _ in range(5)}
    poll(lambda: client.is_persisted(next(iter(ids))) and not queues.waiting(), 10, "all five messages are settled")

    assert len(ids) == 1
    assert _count(environment) == 1
    assert queues.dead() == []


def test_one_request_id_leads_from_the_request_to_the_row(client, start_worker, tmp_path):
    worker = start_worker()
    order_id = client.post()
    poll(lambda: client.is_persisted(order_id), 5, "the order is persisted")

    accepted = _log_line(tmp_path / "web.log", "order accepted")
    persisted = _log_line(tmp_path / "worker-0.log", "order persisted")

    assert accepted["order_id"] == persisted["order_id"] == order_id
    assert accepted["task_id"] == persisted["task_id"]
    assert accepted["request_id"] == persisted["request_id"]
    assert worker.output.count("order persisted") == 1


def _log_line(path, event):
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]
    [line] = [line for line in lines if line["event"] == event]
    return line


def _count(environment):
    return rows(environment["DATABASE_URL"], "SELECT COUNT(*) FROM orders")[0][0]


def _wait_for_rows(environment, count):
    poll(lambda: _count(environment) >= count, 60, f"{count} orders are stored")
