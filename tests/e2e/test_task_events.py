"""What is on record of orders' tasks and of workers, from the events of web and workers."""

import json
import signal
import uuid
from collections import Counter

import pytest

from celery_sqs.monitor import EventReader
from celery_sqs.monitor.worker_status import DEAD_AFTER
from orders.database import connect
from tests.mariadb import rows
from tests.plain.messages import ORDER
from tests.polling import poll

FAIL_ONE_PRODUCT = """
CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW
IF NEW.product_name = 'explosive' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not in this house'; END IF
"""


@pytest.fixture
def reader(environment):
    engine = connect(environment["DATABASE_URL"])
    yield EventReader(engine)
    engine.dispose()


@pytest.fixture
def becomes(reader):
    """A function that waits until the one task about an order is in a state."""

    def wait(order_id, state, receive_count, seconds=10):
        def looked():
            tasks = reader.tasks_of(order_id)
            return tasks if [(task.state, task.receive_count) for task in tasks] == [(state, receive_count)] else None

        [task] = poll(looked, seconds, f"the order's task is {state}")
        return task

    return wait


def database(environment):
    return environment["DATABASE_URL"].rsplit("/", 1)[-1]


@pytest.mark.long
def test_an_orders_task_is_on_record_from_the_202_to_its_row(client, start_worker, reader, becomes):
    order_id = client.post()
    waiting = becomes(order_id, "PENDING", 0)
    assert waiting.name == "persist_order"
    assert reader.oldest_unfinished("persist_order") == waiting.sent_at

    start_worker()
    done = becomes(order_id, "SUCCESS", 1)

    assert done.task_id == waiting.task_id
    assert order_id in done.args
    assert done.sent_at < done.received_at <= done.started_at < done.finished_at
    assert reader.oldest_unfinished("persist_order") is None
    minutes = reader.counts_per_minute("persist_order", done.sent_at.replace(second=0, microsecond=0)).values()
    counts = sum(map(Counter, minutes), Counter())
    assert (counts["sent"], counts["succeeded"]) == (1, 1)


@pytest.mark.long
def test_an_order_that_fails_is_on_record_with_its_error(client, start_worker, environment, mariadb_server, becomes):
    mariadb_server.execute(FAIL_ONE_PRODUCT, database(environment))
    start_worker()
    order_id = client.post(product="explosive")
    dead = becomes(order_id, "FAILURE", 4, seconds=20)
    assert "not in this house" in dead.error
    assert "Traceback" in dead.traceback


@pytest.mark.long
def test_an_order_in_an_outage_is_on_record_as_received_and_then_as_done(
    client, start_worker, environment, mariadb_server, becomes
):
    start_worker()
    first = client.post()
    becomes(first, "SUCCESS", 1)
    with mariadb_server.gone():
        order_id = client.post()
    becomes(order_id, "SUCCESS", 1)
    assert rows(environment["DATABASE_URL"], "SELECT state FROM task_state WHERE state <> 'SUCCESS'") == ()


def test_a_message_that_nobody_can_read_is_on_record_as_failed(start_worker, queues, reader):
    start_worker()
    message_id = queues.send("no order at all")
    task = poll(lambda: (found := reader.task(message_id)) and found.state == "FAILURE" and found, 10, "it has failed")
    assert "Undecodable" in task.error


@pytest.mark.long
def test_a_killed_pool_child_is_an_attempt_on_record(client, start_worker, environment, mariadb_server, becomes):
    start_worker("-c", "1")
    becomes(client.post(), "SUCCESS", 1)
    with mariadb_server.locked("orders", database(environment)):
        order_id = client.post()
        becomes(order_id, "STARTED", 1)


@pytest.mark.long
def test_a_worker_is_on_record_as_long_as_it_lives_and_what_a_killed_one_had_is_lost(
    client, start_worker, environment, queues, mariadb_server, reader, becomes
):
    queues.hide_for(60)
    killed = start_worker("-c", "1", "-n", "killed@here")
    becomes(client.post(), "SUCCESS", 1)
    with mariadb_server.locked("orders", database(environment)):
        order_id = client.post()
        assert becomes(order_id, "STARTED", 1).worker == "killed@here"
        killed.kill()
    heir = start_worker("-c", "1", "-n", "heir@here")
    becomes(order_id, "LOST", 1, seconds=2 * DEAD_AFTER + 5)
    [heirs, killeds] = reader.workers()
    assert heirs.is_alive(heirs.seen_at)
    assert not killeds.is_alive(heirs.seen_at)

    heir.send(signal.SIGTERM)
    heir.wait()
    assert reader.workers()[0].stopped_at is not None


@pytest.mark.parametrize("name", ["x" * 256, "\U0001f469" * 300, "persist_order\t"], ids=["long", "wide", "strange"])
@pytest.mark.long
def test_a_message_with_any_name_of_a_task_keeps_no_other_event_from_being_written(
    client, start_worker, queues, becomes, name
):
    start_worker()
    attributes = {"celery_task": {"DataType": "String", "StringValue": name}}
    queues.sqs.send_message(QueueUrl=queues.url, MessageBody="{}", MessageAttributes=attributes)
    poll(queues.dead, 20, "it is dead")
    becomes(client.post(), "SUCCESS", 1)


@pytest.mark.long
def test_what_a_worker_has_stored_before_it_was_killed_is_closed_as_done(
    client, start_worker, environment, queues, mariadb_server, reader
):
    order_ids = [client.post() for _ in range(60)]
    counted = "SELECT COUNT(*) FROM task_state WHERE state = 'PENDING'"
    poll(lambda: rows(environment["DATABASE_URL"], counted) == ((60,),), 10, "all are on record as sent")
    with mariadb_server.locked("task_state", database(environment)):
        killed = start_worker()
        stored = "SELECT COUNT(*) FROM orders"
        poll(lambda: rows(environment["DATABASE_URL"], stored) == ((60,),), 20, "all are stored")
        poll(lambda: queues.waiting() == 0, 20, "the queue is empty")
        killed.kill()
    assert reader.oldest_unfinished("persist_order") is not None
    start_worker()
    poll(lambda: reader.oldest_unfinished("persist_order") is None, 90, "none is unfinished on record")
    tasks = [task for order_id in order_ids for task in reader.tasks_of(order_id)]
    assert {(task.state, task.closed_at is not None) for task in tasks} == {("SUCCESS", True)}


@pytest.mark.long
def test_events_take_few_statements_of_the_database(start_worker, environment, queues, mariadb_server):
    orders = 3000

    def statements(task_events):
        environment["TASK_EVENTS"] = task_events
        before = _commands(mariadb_server)
        for _ in range(orders // 10):
            entries = [
                {"Id": str(number), "MessageBody": json.dumps(ORDER | {"orderId": str(uuid.uuid4())})}
                for number in range(10)
            ]
            queues.sqs.send_message_batch(QueueUrl=queues.url, Entries=entries)
        worker = start_worker("-c", "2")
        poll(lambda: queues.waiting() == 0, 60, "all are stored")
        worker.stop()
        return _commands(mariadb_server) - before

    without, with_events = statements("false"), statements("true")
    assert rows(environment["DATABASE_URL"], "SELECT state, COUNT(*) FROM task_state GROUP BY state") == (
        ("SUCCESS", orders),
    )
    assert (with_events - without) / orders <= 0.2


def _commands(server):
    """Commands that the server has been given, whatever they were."""
    [[_, number]] = server.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
    return int(number)
