"""What SQS refuses, as AWS documents it: an emulator that takes it hides a mistake of ours.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html
"""

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.emulators.calls import fresh_name

TEXT = {"DataType": "String", "StringValue": "b"}
NO_QUEUE = "arn:aws:sqs:us-east-1:000000000000:no-queue"
NOTHING = {"ReceiptHandle": "no receipt handle"}


def entries(*bodies, **more):
    return {"Entries": [{"Id": str(number), "MessageBody": body, **more} for number, body in enumerate(bodies)]}


def body(text="{}", **more):
    return {"MessageBody": text, **more}


#: What is called, with which parameters, and what SQS's code is; a few are made in a FIFO queue.
REFUSALS = {
    "a batch of eleven": ("send_message_batch", entries(*"abcdefghijk"), "TooManyEntriesInBatchRequest"),
    "a batch of none": ("send_message_batch", {"Entries": []}, "EmptyBatchRequest"),
    "a batch with an id twice": (
        "send_message_batch",
        {"Entries": [{"Id": "0", "MessageBody": "a"}, {"Id": "0", "MessageBody": "b"}]},
        "BatchEntryIdsNotDistinct",
    ),
    "a batch with an id that is none": (
        "send_message_batch",
        {"Entries": [{"Id": "a b", "MessageBody": "a"}]},
        "InvalidBatchEntryId",
    ),
    "a batch of more than one MiB": (
        "send_message_batch",
        entries("a" * 600_000, "b" * 600_000),
        "BatchRequestTooLong",
    ),
    "an empty body": ("send_message", body(""), "MissingParameter"),
    "a character that is not allowed": ("send_message", body("\x01"), "InvalidMessageContents"),
    "a body of more than one MiB": ("send_message", body("a" * 1_048_577), "InvalidParameterValue"),
    "eleven attributes": (
        "send_message",
        body(MessageAttributes={f"a{number}": TEXT for number in range(11)}),
        "InvalidParameterValue",
    ),
    "an attribute with AWS's own name": (
        "send_message",
        body(MessageAttributes={"AWS.a": TEXT}),
        "InvalidParameterValue",
    ),
    "an attribute of no type": (
        "send_message",
        body(MessageAttributes={"a": {"DataType": "Text", "StringValue": "b"}}),
        "InvalidParameterValue",
    ),
    "an attribute without a value": (
        "send_message",
        body(MessageAttributes={"a": {"DataType": "String", "StringValue": ""}}),
        "InvalidParameterValue",
    ),
    "a number that is none": (
        "send_message",
        body(MessageAttributes={"a": {"DataType": "Number", "StringValue": "b"}}),
        "InvalidParameterValue",
    ),
    "a delay of more than 15 minutes": ("send_message", body(DelaySeconds=901), "InvalidParameterValue"),
    "a deduplication id in a standard queue": (
        "send_message",
        body(MessageDeduplicationId="a"),
        "InvalidParameterValue",
    ),
    "a receive of eleven": ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
    "a receive that waits for less than no time": ("receive_message", {"WaitTimeSeconds": -1}, "InvalidParameterValue"),
    "a receive that hides for more than 12 hours": (
        "receive_message",
        {"VisibilityTimeout": 43_201},
        "InvalidParameterValue",
    ),
    "a deletion with no receipt handle of SQS's": ("delete_message", NOTHING, "ReceiptHandleIsInvalid"),
    "a change with no receipt handle of SQS's": (
        "change_message_visibility",
        NOTHING | {"VisibilityTimeout": 1},
        "ReceiptHandleIsInvalid",
    ),
    "an attribute out of range": (
        "set_queue_attributes",
        {"Attributes": {"VisibilityTimeout": "43201"}},
        "InvalidAttributeValue",
    ),
    "an attribute that there is none of": (
        "get_queue_attributes",
        {"AttributeNames": ["Colour"]},
        "InvalidAttributeName",
    ),
    "a DLQ that there is not": (
        "set_queue_attributes",
        {
            "Attributes": {
                "RedrivePolicy": '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:a","maxReceiveCount":1}'
            }
        },
        "InvalidParameterValue",
    ),
}
REFUSALS_OF_FIFO = {
    "no group": ("send_message", body(MessageDeduplicationId="a"), "MissingParameter"),
    "no deduplication id": ("send_message", body(MessageGroupId="a"), "InvalidParameterValue"),
    "a delay of one message": (
        "send_message",
        body(MessageGroupId="a", MessageDeduplicationId="a", DelaySeconds=1),
        "InvalidParameterValue",
    ),
}

#: What an emulator takes, or refuses by another code.
DIFFERENCES = {
    "a batch of none": ("ministack",),
    "a batch with an id twice": ("ministack",),
    "a batch with an id that is none": ("ministack",),
    "eleven attributes": ("ministack", "localstack"),
    "an attribute with AWS's own name": ("ministack",),
    "an attribute of no type": ("ministack",),
    "an attribute without a value": ("ministack",),
    "a number that is none": ("ministack", "localstack"),
    "a delay of more than 15 minutes": ("ministack", "localstack"),
    "a deduplication id in a standard queue": ("ministack",),
    "a receive of eleven": ("ministack",),
    "a receive that waits for less than no time": ("ministack",),
    "a receive that hides for more than 12 hours": ("ministack", "localstack"),
    "an attribute that there is none of": ("ministack",),
    "a DLQ that there is not": ("ministack", "localstack"),
    "a delay of one message": ("ministack",),
    "an attribute out of range": ("localstack",),
}


def is_refused(client, url, call, parameters, code):
    with pytest.raises(ClientError) as error:
        getattr(client, call)(QueueUrl=url, **parameters)
    assert error.value.response["Error"]["Code"].rpartition(".")[2] == code


def cases(refusals):
    return [
        pytest.param(*refusal, id=name, marks=pytest.mark.differs(*DIFFERENCES.get(name, ())))
        for name, refusal in refusals.items()
    ]


@pytest.fixture(scope="module")
def client(emulator):
    """One that leaves it to SQS to look at parameters."""
    unchecked = emulator.client()
    unchecked._client_config = unchecked._client_config.merge(Config(parameter_validation=False))
    return unchecked


@pytest.fixture(scope="module")
def url(client):
    url = client.create_queue(QueueName=fresh_name())["QueueUrl"]
    yield url
    client.delete_queue(QueueUrl=url)


@pytest.fixture(scope="module")
def fifo_url(client):
    url = client.create_queue(QueueName=fresh_name() + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    yield url
    client.delete_queue(QueueUrl=url)


@pytest.mark.parametrize(("call", "parameters", "code"), cases(REFUSALS))
def test_sqs_refuses(client, url, call, parameters, code):
    is_refused(client, url, call, parameters, code)


@pytest.mark.parametrize(("call", "parameters", "code"), cases(REFUSALS_OF_FIFO))
def test_a_fifo_queue_refuses(client, fifo_url, call, parameters, code):
    is_refused(client, fifo_url, call, parameters, code)
