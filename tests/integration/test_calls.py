"""`SqsClient` beside boto3's own client on a real emulator: the same questions, the same answers."""

import pytest
from botocore.exceptions import ClientError

from celery_sqs.aws import endpoint

ATTRIBUTES = {
    "celery_id": {"DataType": "String", "StringValue": "7"},
    "other": {"DataType": "Number", "StringValue": "3.5"},
}
ENTRIES = [
    {"Id": "0", "MessageBody": '{"productName": "Käse"}', "MessageAttributes": ATTRIBUTES},
    {"Id": "1", "MessageBody": "plain", "DelaySeconds": 0},
]
OWN = ("ResponseMetadata",)  # of boto3's answers alone


@pytest.fixture
def both(emulator):
    place = endpoint.Endpoint("us-east-1", emulator.url, ("test", "test"))
    return endpoint.client(place), endpoint.calls(place)


def received(sqs, queues):
    """Messages that are made visible again at once, without what differs from receive to receive."""
    answer = sqs.receive_message(
        QueueUrl=queues.url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["SentTimestamp"],
    )
    handles = [message.pop("ReceiptHandle") for message in answer["Messages"]]
    entries = [{"Id": str(i), "ReceiptHandle": handle, "VisibilityTimeout": 0} for i, handle in enumerate(handles)]
    changed = sqs.change_message_visibility_batch(QueueUrl=queues.url, Entries=entries)
    assert len(changed["Successful"]) == len(handles)
    return sorted(answer["Messages"], key=lambda message: message["MessageId"])


def test_what_one_sends_the_other_receives_in_the_same_words(both, queues):
    for sender in both:
        sent = sender.send_message_batch(QueueUrl=queues.url, Entries=ENTRIES)
        assert [entry["Id"] for entry in sent["Successful"]] == ["0", "1"]
    theirs, ours = (received(sqs, queues) for sqs in both)
    assert len(ours) == 4
    assert ours == theirs


def test_a_queues_attributes_are_the_same(both, queues):
    theirs, ours = (sqs.get_queue_attributes(QueueUrl=queues.url, AttributeNames=["All"]) for sqs in both)
    assert ours == {name: value for name, value in theirs.items() if name not in OWN}


def test_a_message_is_deleted(both, queues):
    _, ours = both
    ours.send_message_batch(QueueUrl=queues.url, Entries=ENTRIES)
    messages = ours.receive_message(QueueUrl=queues.url, MaxNumberOfMessages=10)["Messages"]
    entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
    assert len(ours.delete_message_batch(QueueUrl=queues.url, Entries=entries)["Successful"]) == 2
    assert queues.waiting() == 0


def test_a_queue_that_is_gone_is_the_same_refusal(both, queues):
    gone = f"{queues.url}-gone"
    errors = []
    for sqs in both:
        with pytest.raises(ClientError) as refused:
            sqs.receive_message(QueueUrl=gone)
        response = refused.value.response
        errors.append((response["Error"]["Code"].rpartition(".")[2], response["ResponseMetadata"]["HTTPStatusCode"]))
    assert errors[0][1] == errors[1][1] == 400
    assert errors[1][0] == "QueueDoesNotExist"
