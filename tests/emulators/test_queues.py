"""The same of whole queues: their order, their DLQs, and their attributes."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.emulator import Queues
from tests.emulators.calls import fresh_name, numbers, receive, send, send_in_order, settle
from tests.polling import poll


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
    settle(fifo, first, seconds=2)
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


class TestDeadMessages:
    def die(self, queues):
        for _ in range(3):
            [message] = receive(queues)
            settle(queues, message, seconds=0)
        return message

    def test_a_message_moves_at_the_receive_after_its_last(self, queues):
        send(queues)
        self.die(queues)
        assert (numbers(queues), queues.dead()) == ((1, 0, 0), [])
        assert (receive(queues), len(queues.dead())) == ([], 1)

    def test_a_dead_message_is_itself_and_says_where_it_comes_from(self, queues):
        attributes = {"a": {"DataType": "String", "StringValue": "b"}}
        message_id = send(queues, "[1]", MessageAttributes=attributes, group="g")["MessageId"]
        lived = self.die(queues)
        poll(lambda: receive(queues) == [] and queues.dead(), 5, "it is dead")
        [dead] = queues.peek(queues.dlq_url)
        assert (dead["MessageId"], dead["Body"], dead["MessageAttributes"]) == (message_id, "[1]", attributes)
        assert (dead["Attributes"]["MessageGroupId"], int(dead["Attributes"]["ApproximateReceiveCount"]) > 3) == (
            "g",
            True,
        )
        assert dead["Attributes"]["SentTimestamp"] == lived["Attributes"]["SentTimestamp"]

    @pytest.mark.differs("ministack")
    def test_a_dead_message_says_which_queue_it_comes_from(self, queues):
        send(queues)
        self.die(queues)
        poll(lambda: receive(queues) == [] and queues.dead(), 5, "it is dead")
        [dead] = queues.peek(queues.dlq_url)
        assert dead["Attributes"]["DeadLetterQueueSourceArn"].endswith(queues.url.rsplit("/", 1)[1])


class TestFifo:
    def test_a_receive_brings_as_many_of_a_group_as_it_may_in_their_order(self, fifo):
        send_in_order(fifo, "a1", "a2", "a3", "a4")
        messages = receive(fifo, 3)
        assert [message["Body"] for message in messages] == ["a1", "a2", "a3"]
        settle(fifo, messages[0])
        assert receive(fifo) == []

    @pytest.mark.differs("localstack")
    def test_a_group_waits_for_all_of_it_that_is_in_flight(self, fifo):
        send_in_order(fifo, "a1", "a2")
        first, second = receive(fifo, 2, VisibilityTimeout=60)
        settle(fifo, first, seconds=0)
        assert receive(fifo) == []
        settle(fifo, second)
        assert [message["Body"] for message in receive(fifo)] == ["a1"]

    def test_the_same_body_is_a_duplicate_where_the_queue_says_so(self, fifo):
        fifo.sqs.set_queue_attributes(QueueUrl=fifo.url, Attributes={"ContentBasedDeduplication": "true"})
        first, second, third = (send(fifo, body, group="a") for body in ("same", "same", "other"))
        assert first["MessageId"] == second["MessageId"] != third["MessageId"]
        assert [message["Body"] for message in receive(fifo, 10)] == ["same", "other"]

    def test_a_duplicate_of_what_is_deleted_is_one_too(self, fifo):
        send(fifo, group="a", duplicate_of="1")
        settle(fifo, receive(fifo)[0])
        send(fifo, group="a", duplicate_of="1")
        assert receive(fifo) == []

    @pytest.mark.differs("ministack")
    def test_a_receipt_handle_expires_with_its_time(self, fifo):
        send_in_order(fifo, "a1")
        [message] = receive(fifo)
        poll(lambda: numbers(fifo) == (1, 0, 0), 5, "it is visible again")
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            settle(fifo, message)


class TestQueues:
    @pytest.mark.differs("ministack")
    def test_a_queue_begins_with_what_aws_says(self, emulator):
        sqs = emulator.client()
        url = sqs.create_queue(QueueName=fresh_name())["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        sqs.delete_queue(QueueUrl=url)
        defaults = {
            "DelaySeconds": "0",
            "MaximumMessageSize": "1048576",
            "MessageRetentionPeriod": "345600",
            "ReceiveMessageWaitTimeSeconds": "0",
            "VisibilityTimeout": "30",
        }
        assert {name: attributes[name] for name in defaults} == defaults

    def test_the_same_queue_can_be_made_twice_and_not_otherwise(self, emulator):
        sqs, name = emulator.client(), fresh_name()
        url = sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "1"})["QueueUrl"]
        assert sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "1"})["QueueUrl"] == url
        with pytest.raises(sqs.exceptions.QueueNameExists):
            sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "2"})
        sqs.delete_queue(QueueUrl=url)

    def test_a_queue_that_is_gone_does_not_exist(self, emulator):
        gone = Queues.fresh(emulator, 1)
        gone.delete()
        with pytest.raises(gone.sqs.exceptions.QueueDoesNotExist):
            receive(gone)

    @pytest.mark.differs("ministack")
    def test_a_dlq_names_the_queues_that_it_serves(self, queues):
        answer = queues.sqs.list_dead_letter_source_queues(QueueUrl=queues.dlq_url)
        assert [url.rsplit("/", 1)[1] for url in answer["queueUrls"]] == [queues.url.rsplit("/", 1)[1]]

    @pytest.mark.differs("ministack", "localstack")
    def test_only_the_queues_that_a_dlq_allows_may_use_it(self, queues):
        attributes = queues.sqs.get_queue_attributes(QueueUrl=queues.dlq_url, AttributeNames=["QueueArn"])["Attributes"]
        policy = json.dumps({"deadLetterTargetArn": attributes["QueueArn"], "maxReceiveCount": 1})
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            queues.sqs.create_queue(QueueName=fresh_name(), Attributes={"RedrivePolicy": policy})
