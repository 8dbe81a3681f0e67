"""The transport against a real emulator: what Celery publishes, and what becomes of a message."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery import Celery
from kombu import Connection

from celery_sqs.aws.group_commit import MAX_BATCH_BYTES
from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.errors import NotConfirmed, Unsendable
from celery_sqs.metrics import CALLS, OK
from celery_sqs.tasks.task import SQSTask
from tasks.application import create_celery
from tasks.orders import PERSIST_ORDER
from tests.conftest import VISIBILITY_TIMEOUT, make_settings
from tests.dead_orders import order_body
from tests.emulator import Queues
from tests.polling import poll


@pytest.fixture
def celery(emulator, queues):
    return create_celery(make_settings(sqs_endpoint=emulator.url, sqs_queue_url=queues.url))


class SQSCalls:
    """Counts the calls that the process makes to SQS from now on, by name."""

    def __init__(self):
        self._before = self._counted()

    def _counted(self):
        samples = [sample for family in CALLS.collect() for sample in family.samples]
        return Counter({sample.labels["action"]: sample.value for sample in samples if sample.labels["outcome"] == OK})

    @property
    def made(self):
        return self._counted() - self._before


@pytest.fixture
def calls():
    return SQSCalls()


def test_a_publish_is_one_call_to_sqs(celery, calls):
    celery.tasks[PERSIST_ORDER].delay({"orderId": "x"})
    celery.tasks[PERSIST_ORDER].delay({"orderId": "y"})

    assert calls.made == {"SendMessageBatch": 2}


def test_the_message_says_which_task_it_calls(celery, queues):
    result = celery.tasks[PERSIST_ORDER].apply_async(({"price": 1},), headers={"request_id": "r-1"})

    [message] = queues.peek(queues.url)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"]) == {"price": 1}
    assert attributes["celery_task"] == "persist_order"
    assert attributes["celery_id"] == result.id
    assert json.loads(attributes["celery_headers"])["request_id"] == "r-1"
    assert attributes["schema_version"] == "1"


def test_an_order_has_its_user_as_its_group_and_nothing_of_that_in_its_body(celery, queues):
    order = json.loads(order_body(userId=123))
    celery.tasks[PERSIST_ORDER].delay(order)
    [message] = queues.peek(queues.url)
    assert (json.loads(message["Body"]), message["Attributes"]["MessageGroupId"]) == (order, "123")
    assert message["MessageAttributes"].keys() == {"celery_task", "celery_id", "celery_headers", "schema_version"}


def test_a_message_that_is_too_long_fails_at_the_caller(celery, queues):
    with pytest.raises(Unsendable, match="1048576"):
        celery.tasks[PERSIST_ORDER].delay({"productName": "a" * MAX_BATCH_BYTES})
    assert queues.waiting() == 0


def test_concurrent_publishes_share_calls(celery, calls, queues):
    with ThreadPoolExecutor(32) as callers:
        list(callers.map(lambda number: celery.tasks[PERSIST_ORDER].delay({"n": number}), range(200)))
    assert queues.waiting() == 200
    assert set(calls.made) == {"SendMessageBatch"}
    assert calls.made.total() < 100


def test_a_queue_that_is_gone_means_not_confirmed(celery, queues):
    queues.sqs.delete_queue(QueueUrl=queues.url)
    try:
        with pytest.raises(NotConfirmed):
            celery.tasks[PERSIST_ORDER].delay({})
    finally:
        queues.sqs.create_queue(QueueName=queues.url.rsplit("/", 1)[-1])


class Consumer:
    """A kombu consumer on our channel: gets one message the way Celery's worker does."""

    def __init__(self, celery: Celery) -> None:
        self.connection: Connection = celery.connection_for_read()
        self.channel = self.connection.default_channel
        self.received: list = []

    def take(self, queues):
        """Receive one message by hand and give it to the channel, as a receiver's thread does."""
        [message] = queues.sqs.receive_message(
            QueueUrl=queues.url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"], WaitTimeSeconds=1
        )["Messages"]
        queue = queues.url.rsplit("/", 1)[-1]
        delivery = Delivery(message, queue, queues.url, VISIBILITY_TIMEOUT, time.monotonic() + VISIBILITY_TIMEOUT)
        self.channel.basic_consume(queue, no_ack=False, callback=self.received.append, consumer_tag="tag")
        self.channel._settlements.open(queues.url)
        self.channel.in_flight.add(delivery)
        self.channel.ready.add([delivery])
        self.channel._on_wakeup()
        return self.received[-1] if self.received else None


@pytest.fixture
def consumer(celery):
    one = Consumer(celery)
    yield one
    one.connection.release()


def test_an_acked_message_is_deleted(consumer, queues):
    queues.send("{}")
    consumer.take(queues).ack()
    poll(lambda: queues.waiting() == 0, 1, "the message is deleted")


def test_acked_messages_share_a_call(consumer, queues, calls):
    for _ in range(10):
        queues.send("{}")
    for message in [consumer.take(queues) for _ in range(10)]:
        message.ack()
    poll(lambda: queues.waiting() == 0, 1, "all are deleted")
    poll(lambda: calls.made, 1, "the call is counted, which is after SQS has answered it")
    assert calls.made == {"DeleteMessageBatch": 1}


def test_a_rejected_message_stays_and_comes_again_after_its_visibility_timeout(consumer, queues):
    queues.send("{}")
    consumer.take(queues).reject()

    assert queues.peek(queues.url) == []
    [message] = poll(lambda: queues.peek(queues.url), 5, "the message is visible again")
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"


class TestWithoutARedrivePolicy:
    @pytest.fixture
    def queues(self, emulator):
        """A queue that nobody gave a DLQ: kombu's own channel deletes what is rejected there."""
        sqs = emulator.client()
        url = sqs.create_queue(QueueName="orders-without-dlq")["QueueUrl"]
        yield Queues(sqs, url, dlq_url="")
        sqs.delete_queue(QueueUrl=url)

    def test_a_rejected_message_is_kept(self, consumer, queues):
        queues.send("{}")
        consumer.take(queues).reject()
        consumer.connection.release()
        assert queues.waiting() == 1


def test_a_requeued_message_is_visible_at_once_and_is_the_same_message(consumer, queues):
    message_id = queues.send("{}")
    consumer.take(queues).reject(requeue=True)

    [message] = poll(lambda: queues.peek(queues.url), 1, "the message is visible")
    assert message["MessageId"] == message_id
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"


def test_what_is_in_flight_at_the_end_is_visible_at_once(consumer, queues):
    queues.send("{}")
    consumer.take(queues)
    assert queues.peek(queues.url) == []

    consumer.connection.release()

    assert len(queues.peek(queues.url)) == 1


def test_what_is_acked_at_the_end_is_deleted_before_the_end(consumer, queues):
    queues.send("{}")
    consumer.take(queues).ack()
    consumer.connection.release()
    assert queues.waiting() == 0


def test_an_undecodable_message_is_visible_at_once_and_reaches_nobody(consumer, queues):
    queues.send("no json")
    assert consumer.take(queues) is None
    poll(lambda: queues.peek(queues.url), 1, "the message is visible")


def test_a_message_whose_deletion_failed_is_deleted_and_not_run_again(consumer, queues):
    message_id = queues.send("{}")
    first = consumer.take(queues)
    consumer.channel.in_flight.get(first.delivery_tag).advance(State.LOST)
    first.ack()
    assert queues.waiting() == 1
    poll(lambda: queues.peek(queues.url), 5, "the message comes again")

    assert consumer.take(queues) is first, "nothing new reached the consumer"

    poll(lambda: queues.waiting() == 0, 2, f"{message_id} is deleted")


def test_a_countdown_is_waited_for_by_sqs(celery, queues):
    celery.tasks[PERSIST_ORDER].apply_async(({},), countdown=2)
    assert queues.peek(queues.url) == []
    [message] = poll(lambda: queues.peek(queues.url), 5, "the message is visible after its delay")
    assert "eta" not in json.loads(message["MessageAttributes"]["celery_headers"]["StringValue"])


def test_retry_sends_no_second_message(celery, queues):
    @celery.task(base=SQSTask, bind=True, name="impatient", shared=False)
    def impatient(self):
        self.retry(countdown=1, exc=LookupError("not yet"))

    with pytest.raises(LookupError):
        impatient()
    assert queues.waiting() == 0
