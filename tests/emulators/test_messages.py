"""What the framework relies on in SQS, and what AWS documents of messages: each emulator has to do the same.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/welcome.html
"""

import json
import threading
import time

import pytest
from botocore.exceptions import ClientError

from tests.emulator import Queues
from tests.emulators.calls import fresh_name, numbers, receive, send, send_in_order, settle
from tests.polling import poll


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
    send(queues, "{}", delay=1)
    assert receive(queues) == []
    poll(lambda: receive(queues), 5, "it is there")
    assert time.time() - sent_at >= 1


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


class TestReceives:
    def test_each_receive_has_a_receipt_handle_of_its_own_and_the_rest_stays(self, queues):
        message_id = send(queues, "body")["MessageId"]
        first, second = (receive(queues, VisibilityTimeout=0)[0] for _ in range(2))
        assert first["ReceiptHandle"] != second["ReceiptHandle"]
        assert first["MessageId"] == second["MessageId"] == message_id
        for same in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"):
            assert first["Attributes"][same] == second["Attributes"][same]
        assert [each["Attributes"]["ApproximateReceiveCount"] for each in (first, second)] == ["1", "2"]

    def test_a_receive_says_how_long_its_messages_are_hidden(self, queues):
        send(queues)
        receive(queues, VisibilityTimeout=30)
        send(queues)
        receive(queues)
        poll(lambda: numbers(queues) == (1, 1, 0), 5, "the queue's own time is over")

    def test_a_long_poll_ends_with_the_first_message(self, queues):
        threading.Timer(0.3, send, [queues, "late"]).start()
        began = time.monotonic()
        [message] = receive(queues, WaitTimeSeconds=20)
        assert message["Body"] == "late"
        assert time.monotonic() - began < 15

    def test_a_long_poll_ends_when_a_message_becomes_visible_again(self, queues):
        send(queues)
        receive(queues)
        assert len(receive(queues, WaitTimeSeconds=20)) == 1

    def test_a_long_poll_of_an_empty_queue_waits(self, queues):
        began = time.monotonic()
        assert receive(queues, WaitTimeSeconds=1) == []
        assert time.monotonic() - began >= 1

    def test_only_the_attributes_that_one_asks_for_come(self, queues):
        text = {"DataType": "String", "StringValue": "b"}
        send(queues, MessageAttributes={"a.one": text, "a.two": text, "b": text})
        for asked, names in ((["a.*"], {"a.one", "a.two"}), (["b", "c"], {"b"}), ([], set())):
            [message] = receive(
                queues, MessageAttributeNames=asked, MessageSystemAttributeNames=["SentTimestamp"], VisibilityTimeout=0
            )
            assert message.get("MessageAttributes", {}).keys() == names
            assert message["Attributes"].keys() == {"SentTimestamp"}

    def test_the_numbers_of_a_queue_are_what_is_visible_and_in_flight_and_delayed(self, queues):
        for delay in (None, None, None, 60):
            send(queues, delay=delay)
        receive(queues, 2, VisibilityTimeout=60)
        assert numbers(queues) == (1, 2, 1)

    @pytest.mark.differs("ministack")
    def test_a_trace_header_comes_with_its_message(self, queues):
        header = "Root=1-5759e988-bd862e3fe1be46a994272793"
        send(queues, MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": header}})
        assert receive(queues)[0]["Attributes"]["AWSTraceHeader"] == header


class TestSends:
    #: Computed by another implementation: https://www.npmjs.com/package/aws-md5-of-message-attributes
    DIGESTS = (
        ({"attribName1": {"DataType": "String", "StringValue": "attribValue 1"}}, "19e27d4e946b072f3f58da80d94fd778"),
        (
            {
                "customNumberTypeAttrib": {
                    "DataType": "Number.float",
                    "StringValue": "4563442423554324324264524243.32543234",
                }
            },
            "9fe1b90bbd9965bdf77bac517c7d2495",
        ),
        (
            {"binaryAttribute": {"DataType": "Binary", "BinaryValue": b"Hello binary world!"}},
            "31a92b15d92f8db860eda32aceb656c3",
        ),
    )

    def test_attributes_have_the_digest_that_aws_computes(self, queues):
        for attributes, digest in self.DIGESTS:
            assert send(queues, MessageAttributes=attributes)["MD5OfMessageAttributes"] == digest
        together = {name: value for attributes, _ in self.DIGESTS for name, value in attributes.items()}
        done = send(queues, MessageAttributes=together)
        assert done["MD5OfMessageAttributes"] == "c932db14a896c663f83c260297d594ff"

    def test_ten_attributes_come_as_they_were_sent(self, queues):
        kinds = (
            {"DataType": "String.more", "StringValue": "ä"},
            {"DataType": "Number", "StringValue": "-1.5e3"},
            {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        )
        attributes = {f"a_{number}": kinds[number % 3] for number in range(10)}
        send(queues, MessageAttributes=attributes)
        assert receive(queues)[0]["MessageAttributes"] == attributes

    @pytest.mark.differs("ministack")
    def test_a_message_of_one_mib_is_taken(self, queues):
        body = "a" * 1024 * 1024
        send(queues, body)
        assert receive(queues)[0]["Body"] == body

    @pytest.mark.differs("localstack")
    def test_entries_of_a_batch_fail_for_themselves(self, queues):
        bodies = ("good", "bad \x01", "good")
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        answer = queues.sqs.send_message_batch(QueueUrl=queues.url, Entries=entries)
        assert {entry["Id"] for entry in answer["Successful"]} == {"0", "2"}
        [failed] = answer["Failed"]
        assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("1", "InvalidMessageContents", True)

    @pytest.mark.differs("ministack")
    def test_a_message_waits_as_long_as_its_queue_says(self, queues):
        queues.sqs.set_queue_attributes(QueueUrl=queues.url, Attributes={"DelaySeconds": "60"})
        send(queues)
        send(queues, "at once", delay=0)
        assert [message["Body"] for message in receive(queues, 10)] == ["at once"]


class TestSettling:
    @pytest.mark.differs("ministack")
    def test_a_deletion_succeeds_twice_and_with_an_old_receipt_handle(self, queues):
        send(queues)
        old, last = (receive(queues, VisibilityTimeout=0)[0] for _ in range(2))
        for message in (old, last, last, old):
            settle(queues, message)
        assert numbers(queues) == (0, 0, 0)

    def test_a_message_that_was_received_last_is_deleted_though_it_is_visible_again(self, queues):
        send(queues)
        [message] = receive(queues, VisibilityTimeout=0)
        settle(queues, message)
        assert receive(queues) == []

    @pytest.mark.differs("ministack", "localstack")
    def test_what_is_not_in_flight_cannot_be_hidden(self, queues):
        send(queues)
        [message] = receive(queues)
        settle(queues, message, seconds=0)
        with pytest.raises(ClientError, match="MessageNotInflight"):
            settle(queues, message, seconds=10)

    @pytest.mark.differs("ministack")
    def test_what_is_deleted_cannot_be_hidden(self, queues):
        send(queues)
        [message] = receive(queues)
        settle(queues, message)
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            settle(queues, message, seconds=10)

    @pytest.mark.differs("ministack", "localstack")
    def test_a_message_is_hidden_for_twelve_hours_at_the_most_from_its_receive_on(self, queues):
        send(queues)
        [message] = receive(queues, VisibilityTimeout=60)
        time.sleep(1.1)
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            settle(queues, message, seconds=12 * 60 * 60)
        settle(queues, message, seconds=12 * 60 * 60 - 10)

    def test_a_purge_deletes_what_is_in_flight_and_delayed_too(self, queues):
        for delay in (None, None, 60):
            send(queues, delay=delay)
        receive(queues, VisibilityTimeout=60)
        queues.sqs.purge_queue(QueueUrl=queues.url)
        assert numbers(queues) == (0, 0, 0)

    @pytest.mark.differs("ministack", "localstack")
    def test_a_second_purge_within_a_minute_is_refused(self, queues):
        queues.sqs.purge_queue(QueueUrl=queues.url)
        with pytest.raises(ClientError, match="PurgeQueueInProgress"):
            queues.sqs.purge_queue(QueueUrl=queues.url)


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
