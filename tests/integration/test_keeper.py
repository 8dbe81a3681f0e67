"""The keeper against a real emulator, and the channel that leaves out what it renews."""

import time

import pytest

from celery_sqs.aws.endpoint import Endpoint, sqs_client
from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.receiver import Receiver, Source
from celery_sqs.consume.retention.keeper import Keeper
from celery_sqs.consume.settling.settlements import Settlements
from celery_sqs.message.renewal import opened
from tasks.application import create_celery
from tests.conftest import VISIBILITY_TIMEOUT, make_settings
from tests.polling import poll


@pytest.fixture
def look(emulator, queues):
    """One look at the queue, by a worker that is in an outage, until all is renewed."""
    endpoint = Endpoint("us-east-1", emulator.url, ("test", "test"))
    in_flight = InFlight()
    in_flight.suspend(True)
    settlements = Settlements(lambda wait: sqs_client(endpoint, wait), in_flight, lambda _: None, lambda _: None)
    settlements.open(queues.url)

    def run():
        receiver = Receiver(
            lambda wait: sqs_client(endpoint, wait),
            Source(queue="orders", url=queues.url),
            in_flight,
            lambda _: None,
            lambda _: None,
        )
        Keeper(receiver, in_flight, settlements, lambda call: call(), lambda: None).look()
        poll(lambda: not len(in_flight), 5, "all is renewed")
        settlements.close(5)

    return run


def test_a_message_that_it_receives_is_in_the_queue_again_as_it_was(look, queues):
    attributes = {f"name-{number}": {"DataType": "String", "StringValue": str(number)} for number in range(10)}
    first = queues.sqs.send_message(QueueUrl=queues.url, MessageBody='{"a": 1}', MessageAttributes=attributes)

    look()

    assert queues.waiting() == 1
    [copy] = queues.peek(queues.url)
    assert copy["MessageId"] != first["MessageId"]
    assert copy["Attributes"]["ApproximateReceiveCount"] == "1"
    message, renewal = opened(copy)
    assert message["MessageId"] == renewal.message_id == first["MessageId"]
    assert message["Body"] == '{"a": 1}'
    assert {name: value["StringValue"] for name, value in message["MessageAttributes"].items()} == {
        name: value["StringValue"] for name, value in attributes.items()
    }


def test_a_look_costs_no_message_a_receive_and_loses_none(look, queues):
    for number in range(120):
        queues.send(str(number))
    look()
    assert queues.waiting() == 120
    assert {each["Attributes"]["ApproximateReceiveCount"] for each in queues.peek(queues.url)} == {"1"}


@pytest.mark.parametrize(("state", "is_consumed"), [(State.READY, True), (State.RENEWING, False)])
def test_the_channel_leaves_out_what_is_being_renewed(emulator, queues, state, is_consumed):
    celery = create_celery(make_settings(sqs_endpoint=emulator.url, sqs_queue_url=queues.url))
    queue = queues.url.rsplit("/", 1)[-1]
    received = []
    with celery.connection_for_read() as connection:
        channel = connection.default_channel
        channel.basic_consume(queue, no_ack=False, callback=received.append, consumer_tag="tag")
        message = {"MessageId": "m", "ReceiptHandle": "h", "Body": "{}", "Attributes": {"ApproximateReceiveCount": "1"}}
        delivery = Delivery(message, queue, queues.url, VISIBILITY_TIMEOUT, time.monotonic() + VISIBILITY_TIMEOUT)
        channel.in_flight.add(delivery)
        if state is not State.READY:
            delivery.advance(state)
        channel.hand_over(delivery)
        channel.in_flight.pop("h")
    assert bool(received) is is_consumed
