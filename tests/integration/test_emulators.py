"""What the framework relies on in SQS: each emulator that the tests use has to do the same."""

import time
import uuid

import pytest

from tests.emulator import Queues
from tests.polling import poll


@pytest.fixture
def fifo(emulator):
    both = Queues.fresh(emulator, 2, suffix=".fifo")
    yield both
    both.delete()


def send(queues, body, group=None, duplicate_of=None, delay=None):
    """Send as the framework does, in a batch; returns SQS's id."""
    entry = {"Id": "0", "MessageBody": body}
    more = {"MessageGroupId": group, "MessageDeduplicationId": duplicate_of, "DelaySeconds": delay}
    entry |= {name: value for name, value in more.items() if value is not None}
    [done] = queues.sqs.send_message_batch(QueueUrl=queues.url, Entries=[entry])["Successful"]
    return done["MessageId"]


def send_in_order(queues, *bodies):
    for body in bodies:
        send(queues, body, group=body[0], duplicate_of=uuid.uuid4().hex)


def receive(queues, count=1):
    answer = queues.sqs.receive_message(
        QueueUrl=queues.url, MaxNumberOfMessages=count, MessageSystemAttributeNames=["All"]
    )
    return answer.get("Messages", [])


def settle(queues, message, seconds=None):
    if seconds is None:
        queues.sqs.delete_message(QueueUrl=queues.url, ReceiptHandle=message["ReceiptHandle"])
    else:
        queues.sqs.change_message_visibility(
            QueueUrl=queues.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )


def test_a_standard_queue_takes_a_group_and_says_it_at_the_receive(queues):
    send(queues, "{}", group="7")
    [message] = receive(queues)
    assert message["Attributes"]["MessageGroupId"] == "7"


def test_groups_of_a_standard_queue_are_in_flight_together(queues):
    for number in range(3):
        send(queues, str(number), group="7")
    assert len(receive(queues, 10)) == 3


def test_a_delayed_message_is_not_there_before_its_time(queues):
    sent_at = time.time()
    send(queues, "{}", delay=2)
    assert receive(queues) == []
    poll(lambda: receive(queues), 5, "it is there")
    assert time.time() - sent_at >= 2


def test_a_group_of_a_fifo_queue_has_one_receive_in_flight_and_the_next_message_follows_its_end(fifo):
    send_in_order(fifo, "a1", "a2", "b1", "a3")
    [first] = receive(fifo)
    [other] = receive(fifo)
    assert ([first["Body"], other["Body"]], receive(fifo)) == (["a1", "b1"], [])
    settle(fifo, first)
    [second] = receive(fifo)
    assert second["Body"] == "a2"
    assert int(first["Attributes"]["SequenceNumber"]) < int(second["Attributes"]["SequenceNumber"])


def test_a_message_of_a_fifo_queue_that_is_released_comes_before_those_behind_it(fifo):
    send_in_order(fifo, "a1", "a2")
    [first] = receive(fifo)
    settle(fifo, first, seconds=3)
    assert receive(fifo) == []
    [again] = poll(lambda: receive(fifo), 5, "it is there again")
    assert (again["Body"], again["Attributes"]["ApproximateReceiveCount"]) == ("a1", "2")


def test_a_fifo_queue_keeps_one_of_two_with_the_same_deduplication_id(fifo):
    for body in ("first", "second"):
        send(fifo, body, group="7", duplicate_of="the-id")
    assert [message["Body"] for message in receive(fifo, 10)] == ["first"]


def test_a_message_of_a_fifo_queue_has_its_group_in_the_dlq(fifo):
    send_in_order(fifo, "a1", "a2")
    for _ in range(3):
        [message] = receive(fifo)
        assert message["Body"] == "a1"
        settle(fifo, message, seconds=0)
    [following] = poll(lambda: receive(fifo), 5, "what was behind it comes")
    [dead] = fifo.peek(fifo.dlq_url)
    assert (following["Body"], dead["Body"], dead["Attributes"]["MessageGroupId"]) == ("a2", "a1", "a")
    assert {"SequenceNumber", "MessageDeduplicationId"} <= dead["Attributes"].keys()
