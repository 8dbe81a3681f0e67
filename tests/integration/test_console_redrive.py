"""A dead order whose message SQS's own console has moved back to the work queue, as its owner sees it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app import create_app
from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq import DeadLetterQueue
from celery_sqs.dlq.scan import scan
from celery_sqs.dlq.snapshot import GONE_AFTER
from celery_sqs.dlq.tables import dead_messages
from orders.identity import Identity
from tests.conftest import make_settings
from tests.dead_orders import a_failure, bury, make_snapshot, order_body
from tests.unit.fakes import FakeQueue

OWNER = 7


@pytest.fixture
def dlq(emulator, queues):
    return DeadLetterQueue(Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url, queues.dlq_url, wait=0)


@pytest.fixture
def look(engine, dlq):
    """A function that scans the DLQ, as long after the scan before as it takes to believe it."""

    def scan_later():
        long_ago = datetime.now(UTC) - GONE_AFTER - timedelta(seconds=1)
        with engine.begin() as connection:
            missed = update(dead_messages).where(dead_messages.c.missed_at.is_not(None))
            connection.execute(missed.values(missed_at=long_ago))
        return scan(engine, dlq, make_snapshot(engine, dlq.name))

    return scan_later


def redrive(queues):
    """Move each dead message to the work queue, where it has another id: what StartMessageMoveTask does."""
    for message in queues.sqs.receive_message(QueueUrl=queues.dlq_url, MaxNumberOfMessages=10)["Messages"]:
        queues.sqs.send_message(QueueUrl=queues.url, MessageBody=message["Body"])
        queues.sqs.delete_message(QueueUrl=queues.dlq_url, ReceiptHandle=message["ReceiptHandle"])


def test_it_is_dead_until_two_scans_have_missed_it_and_then_queued_and_retrying(engine, store, queues, token, look):
    settings = make_settings(database_url=engine.url.render_as_string(hide_password=False))
    client = create_app(settings, queue=FakeQueue()).test_client()
    order_id = Identity(settings.order_id_secret).issue(OWNER)

    def state():
        return client.get(f"/api/v1/orders/{order_id}", headers=token(OWNER)).json["state"]

    [message_id] = bury(queues, [order_body(orderId=str(order_id), userId=OWNER)])
    store.record_attempt(a_failure(message_id, order_id=order_id))
    look()
    assert state() == "dead"

    redrive(queues)
    assert (look().gone, state()) == (0, "dead")
    assert (look().gone, state()) == (1, "queued")

    store.record_attempt(a_failure("its-new-id", order_id=order_id, receive_count=1, final=False))
    assert state() == "retrying"
