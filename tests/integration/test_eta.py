"""ETAs in real workers: a task runs once, when it is due, and no worker's end changes that."""

import json
import signal
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from orders.database import connect
from orders.store import OrderStore
from tasks.orders import PERSIST_ORDER
from tests import mariadb
from tests.dead_orders import order_body
from tests.emulator import Queues
from tests.faults.proxy import Proxy
from tests.plain.systems import Here
from tests.polling import poll

RETENTION = (
    60  # seconds, SQS's shortest: a copy is delayed for a quarter of it at the most, so for 15 s and not for 900
)
ON_THE_WAY = 2.5  # seconds: delays are whole seconds


@pytest.fixture
def here(emulator, tmp_path):
    database_url = f"sqlite:///{tmp_path}/orders.db"
    mariadb.migrate(database_url)
    queues, proxy = Queues.fresh(emulator, 5, retention=RETENTION), Proxy(emulator.url)
    system = Here(queues, proxy, tmp_path, database_url)
    yield system
    system.close()
    proxy.stop()
    queues.delete()


def runs(here):
    return here.runs("note")


def an_order():
    return json.loads(order_body(orderId=str(uuid.uuid4())))


@pytest.mark.long
def test_a_countdown_to_a_batch_task_runs_when_it_is_over(here):
    here.start_worker()
    order, called_at = an_order(), time.time()
    here.app.send_task(PERSIST_ORDER, [order], countdown=5)
    store = OrderStore(connect(here.database_url))
    stored = poll(lambda: store.get(uuid.UUID(order["orderId"])), 15, "it is stored")
    assert stored
    assert 5 <= time.time() - called_at < 5 + ON_THE_WAY


@pytest.mark.long
def test_an_eta_header_of_another_producer_holds_for_a_batch_task(here):
    here.start_worker()
    order, due = an_order(), datetime.now(UTC) + timedelta(seconds=4)
    attributes = {"celery_headers": {"DataType": "String", "StringValue": json.dumps({"eta": due.isoformat()})}}
    body = json.dumps(order)
    here.queues.sqs.send_message(QueueUrl=here.queues.url, MessageBody=body, MessageAttributes=attributes)
    store = OrderStore(connect(here.database_url))
    poll(lambda: store.get(uuid.UUID(order["orderId"])), 15, "it is stored")
    assert 0 <= (datetime.now(UTC) - due).total_seconds() < ON_THE_WAY


def test_a_naive_eta_is_utc_as_in_celery(here):
    here.start_worker()
    due = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=3)
    here.send("note", eta=due)
    [ran_at] = poll(lambda: runs(here), 15, "it runs")
    assert 0 <= ran_at - due.replace(tzinfo=UTC).timestamp() < ON_THE_WAY


@pytest.mark.long
@pytest.mark.timeout(90)
def test_a_far_eta_is_renewed_over_stops_and_kills_of_workers_and_runs_once_when_due(here):
    worker = here.start_worker()
    task_id, due = str(uuid.uuid4()), datetime.now(UTC) + timedelta(seconds=34)
    given = {"celery_task": "jobs.note", "celery_id": task_id, "celery_headers": json.dumps({"eta": due.isoformat()})}
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in given.items()}
    here.queues.sqs.send_message(
        QueueUrl=here.queues.url, MessageBody='{"seconds": 0}', MessageAttributes=attributes, DelaySeconds=1
    )
    time.sleep(3)  # one that is deferred is nowhere in the worker
    assert here.queues.visible() == 0
    worker.send(signal.SIGTERM)
    worker.wait()
    worker = here.start_worker()
    time.sleep(14)
    worker.kill()
    here.start_worker()
    [ran_at] = poll(lambda: runs(here), 30, "it runs")
    assert 0 <= ran_at - due.timestamp() < ON_THE_WAY
    poll(lambda: here.queues.waiting() == 0, 5, "it is deleted")
    time.sleep(2)
    assert len(runs(here)) == 1
    [run] = map(json.loads, here._runs.read_text().splitlines())
    assert (run["attempt"], run["receive_count"] > 2) == (1, True)
    assert here.queues.peek(here.queues.dlq_url) == []
