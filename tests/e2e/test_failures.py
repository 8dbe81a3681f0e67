"""What fails ends in the DLQ, by SQS's own redrive, after as many tries as the queue allows."""

import json
import signal
import time
import uuid

import psutil
import pytest

from celery_sqs.message.renewal import opened
from config.queues import ORDER_QUEUE
from tests.emulator import Queues
from tests.mariadb import rows
from tests.plain.messages import ORDER, encoded, envelope
from tests.polling import poll

FAIL_ONE_PRODUCT = """
CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW
IF NEW.product_name = 'explosive' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not in this house'; END IF
"""

FAIL_IT_TWICE = """
CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW
IF NEW.product_name = 'explosive' AND (SELECT COUNT(*) FROM attempts WHERE order_id = NEW.order_id) < 2 THEN
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not in this house'; END IF
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
    # The third receive is the last, and would leave nothing after a crash: the message was renewed.
    assert [(row[0], row[1], row[2]) for row in recorded] == [(failing, 1, 0), (failing, 2, 0), (failing, 4, 1)]
    assert all("not in this house" in row[3] for row in recorded)


@pytest.mark.long
def test_a_failed_order_is_retrying_until_its_last_try(client, start_worker, environment, mariadb_server):
    mariadb_server.execute(FAIL_IT_TWICE, environment["DATABASE_URL"].rsplit("/", 1)[-1])
    start_worker()
    failing, seen = client.post(product="explosive"), []

    def is_over():
        seen.append(client.state(failing))
        return seen[-1] in {"persisted", "dead"}

    poll(is_over, 10, "the order has had its last try")
    assert list(dict.fromkeys(seen)) in (["queued", "retrying", "persisted"], ["retrying", "persisted"])
    assert client.get(f"/api/v1/orders/{failing}").json()["attempts"] == 3


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


@pytest.mark.long
def test_another_order_under_a_used_key_is_refused_and_changes_nothing(client, start_worker, queues):
    start_worker()
    order_id = client.post(key="k", quantity=1)
    poll(lambda: client.is_persisted(order_id), 5, "the first order is persisted")

    refused = client.try_post(key="k", quantity=9)

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert client.try_post(key="k", quantity=1).json()["orderId"] == order_id
    assert client.get(f"/api/v1/orders/{order_id}").json()["quantity"] == 1
    assert queues.dead() == []


class TestNothingWaitsForAVisibilityTimeout:
    """On a queue as in production, which hides a received message for half a minute."""

    SOON = 3  # seconds

    @pytest.fixture
    def queues(self, emulator):
        both = Queues.fresh(emulator, visibility_timeout=30)
        yield both
        both.delete()

    @pytest.fixture
    def fate(self, environment, queues):
        """A function that sends a body, and returns its recorded attempts once it is in the DLQ, soon."""

        def fate(body, order_id):
            message_id, sent_at = queues.send(body), time.monotonic()
            poll(lambda: message_id in _dead_ids(queues), self.SOON, "it is in the DLQ")
            assert time.monotonic() - sent_at < self.SOON
            by = f"order_id = '{order_id}'" if order_id else f"order_id IS NULL AND message_id = '{message_id}'"
            query = f"SELECT receive_count, kind, error_class, final FROM attempts WHERE {by} ORDER BY receive_count"
            return rows(environment["DATABASE_URL"], query)

        return fate

    @pytest.mark.long
    def test_what_no_later_attempt_can_mend_is_in_the_dlq_soon_with_its_reason(
        self, start_worker, environment, queues, fate
    ):
        start_worker()
        stored, invalid = str(uuid.uuid4()), str(uuid.uuid4())
        queues.send(_order(stored))
        poll(lambda: _stored_quantity(environment, stored) == 2, 5, "the first order is stored")

        assert fate(_order(stored, quantity=9), stored) == _each_time("permanent", "ConflictingOrder")
        assert _stored_quantity(environment, stored) == 2
        assert fate(_order(invalid, quantity=0), invalid) == _each_time("permanent", "InvalidOrder")
        assert fate("no order at all", None) == _each_time("poison", "Undecodable")
        assert fate('{"quantity": 1}', None) == _each_time("permanent", "InvalidOrder")
        assert fate("[1, 2]", None) == _each_time("poison", "Undecodable")


def test_poison_goes_to_the_dlq_with_its_reason_and_the_worker_goes_on(client, start_worker, environment, queues):
    worker = start_worker()
    poison = ["not json", "[1, 2]", '"text"', "{", '{"a": NaN}', '{"properties": null, "body": "%%%"}', "[" * 100_000]
    for body in poison:
        queues.send(body)

    poll(lambda: len(_dead_bodies(queues)) == len(poison), 20, "all poison is in the DLQ")

    assert _dead_bodies(queues) == set(poison)
    dead = _dead_ids(queues)
    reasons = rows(environment["DATABASE_URL"], "SELECT message_id, kind, error_class, final FROM attempts")
    assert {kind for _, kind, _, _ in reasons} == {"poison", "permanent"}  # what is JSON may be a call of the task
    assert {message_id for message_id, _, _, final in reasons if final} == dead
    order_id = client.post()
    poll(lambda: client.is_persisted(order_id), 5, "the worker goes on")
    assert worker.returncode is None


CALL_OF_AN_ORDER = {"task": "persist_order", "args": [ORDER]}

#: What somebody can send who may send a message: calls of Celery's own tasks, and of one that is nowhere.
FOREIGN = {
    "celery.group": [[[CALL_OF_AN_ORDER] * 100, [["group", None], []], "group", []], {}, {}],
    "celery.chord_unlock": [["group", CALL_OF_AN_ORDER], {"interval": 0, "max_retries": None, "result": []}, {}],
    "celery.chain": [[CALL_OF_AN_ORDER], {}, {}],
    "celery.map": [[CALL_OF_AN_ORDER, [ORDER]], {}, {}],
    "celery.backend_cleanup": [[], {}, {}],
    "jobs.unheard_of": [[], {}, {}],
}


@pytest.mark.parametrize("in_an_envelope", [False, True], ids=["attributes", "envelope"])
def test_a_message_that_names_another_task_is_poison_and_runs_nothing(
    start_worker, environment, queues, in_an_envelope
):
    worker = start_worker()
    for task, call in FOREIGN.items():
        _send_call(queues, task, json.dumps(call), in_an_envelope)

    poll(lambda: len(_dead_ids(queues)) == len(FOREIGN), 10, "all are in the DLQ")

    reasons = rows(environment["DATABASE_URL"], "SELECT task, task_id, kind, error_class, final FROM attempts")
    expected = {(task, f"{task}-id", "poison", "UnlistedTask", int(last)) for task in FOREIGN for last in (False, True)}
    assert set(reasons) == expected
    assert len(reasons) == len(FOREIGN) * ORDER_QUEUE.max_receive_count
    assert queues.waiting() == 0, "nothing was sent"
    assert rows(environment["DATABASE_URL"], "SELECT order_id FROM orders") == ()
    assert "does not list the task 'celery.group'" in worker.output
    assert worker.returncode is None


@pytest.mark.long
def test_a_killed_pool_child_costs_its_order_one_attempt(client, start_worker, environment, mariadb_server):
    worker = _at_work(start_worker("-c", "1"), client)
    database = environment["DATABASE_URL"].rsplit("/", 1)[-1]
    with mariadb_server.locked("orders", database):
        order_id = client.post()
        [child] = poll(lambda: _busy_children(mariadb_server, database, worker), 5, "the child is at it")
        child.send_signal(signal.SIGKILL)
        child.wait(5)

    poll(lambda: client.is_persisted(order_id), 10, "the order is persisted by another child")
    assert client.get(f"/api/v1/orders/{order_id}").json()["attempts"] == 2
    recorded = rows(environment["DATABASE_URL"], "SELECT order_id, receive_count, kind, final FROM attempts")
    assert recorded == ((order_id, 1, "lost", 0),)


@pytest.mark.long
def test_a_killed_pool_child_costs_the_neighbours_in_its_batch_nothing(
    client, start_worker, environment, queues, mariadb_server
):
    worker = _at_work(start_worker("-c", "1"), client)
    database = environment["DATABASE_URL"].rsplit("/", 1)[-1]
    with mariadb_server.locked("orders", database):
        alone = client.post()
        [first] = poll(lambda: _busy_children(mariadb_server, database, worker), 5, "the child is at it")
        batch = [client.post() for _ in range(8)]
        # Before that they are no batch: what is run alone is the culprit itself.
        poll(lambda: queues.visible() == 0 and queues.waiting() == 1 + len(batch), 5, "the worker has received them")
        first.kill()
        first.wait(5)
        [second] = poll(lambda: _busy_children(mariadb_server, database, worker), 5, "the next child is at the batch")
        second.kill()
        second.wait(5)

    poll(lambda: all(client.is_persisted(order_id) for order_id in [alone, *batch]), 10, "all are persisted")
    receives = dict(rows(environment["DATABASE_URL"], "SELECT order_id, attempts FROM orders"))
    assert {order_id: receives[order_id] for order_id in [alone, *batch]} == {alone: 2} | dict.fromkeys(batch, 1)
    assert rows(environment["DATABASE_URL"], "SELECT order_id, kind FROM attempts") == ((alone, "lost"),)


@pytest.mark.long
def test_a_stopped_worker_hands_back_what_it_has_not_started(client, start_worker, environment, queues, mariadb_server):
    worker = _at_work(start_worker("-c", "1"), client)
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


def _at_work(worker, client):
    """The worker, once it has asked the database whether it may write, which it waits for in its main process."""
    order_id = client.post()
    poll(lambda: client.is_persisted(order_id), 10, "the worker stores orders")
    return worker


def _busy_children(server, database, worker):
    """The worker's pool processes that wait for the database to store orders."""
    query = f"SELECT host FROM information_schema.processlist WHERE db = '{database}' AND info LIKE 'INSERT%'"
    ports = {int(host.rpartition(":")[2]) for [host] in server.execute(query)}
    children = psutil.Process(worker.pid).children()
    return [child for child in children if ports & {each.laddr.port for each in child.net_connections("tcp")}]


def _order(order_id, **changes):
    return json.dumps(ORDER | {"orderId": order_id} | changes)


def _send_call(queues, task, call, in_an_envelope):
    """Send a call of a task, by our attributes or as plain Celery does."""
    headers = {"task": task, "id": f"{task}-id"}
    if in_an_envelope:
        queues.send(envelope(queues.url.rsplit("/", 1)[-1], headers=headers, body=encoded(call)))
        return
    attributes = {f"celery_{name}": {"DataType": "String", "StringValue": text} for name, text in headers.items()}
    queues.sqs.send_message(QueueUrl=queues.url, MessageBody=call, MessageAttributes=attributes)


def _stored_quantity(environment, order_id):
    found = rows(environment["DATABASE_URL"], f"SELECT quantity FROM orders WHERE order_id = '{order_id}'")
    return found[0][0] if found else None


def _each_time(kind, error_class):
    """The attempts of a message that always fails the same way: only the last is final.

    What has a task with a record of attempts is renewed on its third receive, and its copy's first is the fourth.
    """
    receives = (1, 2, 3) if kind == "poison" else (1, 2, 4)
    return tuple((number, kind, error_class, int(number == receives[-1])) for number in receives)


def _dead_ids(queues):
    """The ids that the dead messages were sent with first."""
    return {opened(message)[0]["MessageId"] for message in queues.peek(queues.dlq_url)}


def _dead_bodies(queues):
    return {message["Body"] for message in queues.peek(queues.dlq_url)}
