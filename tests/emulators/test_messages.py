"""What the framework relies on in SQS, and what AWS documents of messages: each emulator has to do the same.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/welcome.html
"""

import threading
import time

import pytest
from botocore.exceptions import ClientError

from tests.emulators.calls import numbers, receive, send, settle
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

    def test_entries_of_a_batch_fail_for_themselves(self, queues):
        bodies = ("good", "bad \x01", "good")
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        answer = queues.sqs.send_message_batch(QueueUrl=queues.url, Entries=entries)
        assert {entry["Id"] for entry in answer["Successful"]} == {"0", "2"}
        assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("1", "InvalidMessageContents")]

    @pytest.mark.differs("localstack")
    def test_what_sqs_cannot_take_is_the_senders_fault(self, queues):
        entries = [{"Id": "0", "MessageBody": "\x01"}]
        [failed] = queues.sqs.send_message_batch(QueueUrl=queues.url, Entries=entries)["Failed"]
        assert failed["SenderFault"] is True

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

        def is_refused():
            try:
                settle(queues, message, seconds=12 * 60 * 60)
            except ClientError as error:
                return error.response["Error"]["Code"] == "InvalidParameterValue"
            return False

        poll(is_refused, 2, "a moment of the twelve hours has passed")
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
