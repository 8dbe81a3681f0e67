"""The proxy injects the faults that it is asked for, and none after their end."""

import json
import threading
import time

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from tests.faults.interceptors import MALFORMED
from tests.polling import poll

ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=1, connect_timeout=1)


@pytest.fixture
def sqs(proxy):
    """A client that calls through the proxy, and each time once."""
    client = boto3.client(
        "sqs",
        endpoint_url=proxy.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=ONCE,
    )
    yield client
    client.close()


@pytest.fixture
def url(proxy, queues):
    return proxy.through(queues.url)


def test_passes_calls_on_and_counts_them(proxy, sqs, url):
    for number in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=f"body {number}")
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in messages] == [f"body {number}" for number in range(5)]
    assert proxy.calls == {"SendMessage": 5, "ReceiveMessage": 1}
    assert [(call.action, call.status, call.faulty) for call in proxy.log][-1] == ("ReceiveMessage", 200, False)


@pytest.mark.long
@pytest.mark.alone
def test_passes_on_hundreds_of_calls_a_second(proxy, url):
    # Raw calls, on connections that are kept: a boto3 client needs more time for itself than the proxy.
    each, threads, body = 100, 4, json.dumps({"QueueUrl": url, "AttributeNames": ["QueueArn"]})

    def call():
        with requests.Session() as session:
            for _ in range(each):
                session.post(proxy.url, data=body, headers={"X-Amz-Target": "AmazonSQS.GetQueueAttributes"}, timeout=5)

    started = time.monotonic()
    callers = [threading.Thread(target=call) for _ in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(proxy.log) == each * threads
    # Some 950 on 2 cores that have nothing else to do.
    assert each * threads / (time.monotonic() - started) > 300


def test_a_share_of_an_action_fails_and_the_others_do_not(proxy, sqs, url):
    def sent():
        try:
            sqs.send_message(QueueUrl=url, MessageBody="body")
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"]
        return 200

    with proxy.failing("SendMessage", status=500, share=0.3):
        statuses = [sent() for _ in range(100)]
        assert sqs.receive_message(QueueUrl=url)["Messages"]
    assert set(statuses) == {200, 500}
    assert 15 <= statuses.count(500) <= 45
    assert proxy.faulty == {"SendMessage": statuses.count(500), "ReceiveMessage": 0}
    assert [sent() for _ in range(20)] == [200] * 20


@pytest.mark.parametrize(
    ("kind", "codes", "statuses"),
    [
        ("throttling", {"RequestThrottled"}, {400}),
        ("expired_credentials", {"ExpiredToken", "ExpiredTokenException"}, {400, 403}),
    ],
)
def test_errors_have_the_form_of_sqs_errors(proxy, sqs, url, kind, codes, statuses):
    seen = []
    with getattr(proxy, kind)():
        for _ in range(2):
            with pytest.raises(ClientError) as caught:
                sqs.send_message(QueueUrl=url, MessageBody="body")
            seen.append(caught.value.response)
    assert {each["Error"]["Code"] for each in seen} == codes
    assert {each["ResponseMetadata"]["HTTPStatusCode"] for each in seen} == statuses


def test_refuses_connections_and_accepts_them_again_on_the_same_port(proxy, sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="body")
    with proxy.refusing(), pytest.raises(EndpointConnectionError):
        sqs.receive_message(QueueUrl=url)
    assert sqs.receive_message(QueueUrl=url)["Messages"]


def test_a_lost_response_is_that_of_a_call_that_was_processed(proxy, sqs, url, queues):
    with proxy.losing_responses("SendMessage"), pytest.raises(ConnectionClosedError):
        sqs.send_message(QueueUrl=url, MessageBody="body")
    assert queues.waiting() == 1


def test_a_reset_call_was_not_processed(proxy, sqs, url, queues):
    with proxy.resetting("SendMessage", times=1):
        with pytest.raises(BotoCoreError):
            sqs.send_message(QueueUrl=url, MessageBody="body")
        assert queues.waiting() == 0
        sqs.send_message(QueueUrl=url, MessageBody="body")


def test_the_next_call_hangs_and_the_one_after_it_does_not(proxy, sqs, url):
    with proxy.hanging("SendMessage", times=1):
        with pytest.raises(ReadTimeoutError):
            sqs.send_message(QueueUrl=url, MessageBody="body")
        sqs.send_message(QueueUrl=url, MessageBody="body")
    assert sorted(call.status for call in proxy.log) == [0, 200]


def test_a_call_that_hangs_is_released_at_the_end(proxy, sqs, url):
    failures = []

    def send():
        try:
            sqs.send_message(QueueUrl=url, MessageBody="body")
        except ConnectionClosedError as error:
            failures.append(error)

    with proxy.hanging():
        sender = threading.Thread(target=send)
        sender.start()
        poll(lambda: proxy.calls["SendMessage"], 2, "the call has come")
    sender.join(1)
    assert failures


@pytest.mark.parametrize("number", range(len(MALFORMED)))
def test_a_malformed_response_takes_the_place_of_the_real_one(proxy, sqs, url, number):
    with proxy.malformed(responses=MALFORMED[number : number + 1]):
        response = requests.post(
            proxy.url, headers={"X-Amz-Target": "AmazonSQS.ReceiveMessage"}, timeout=2, stream=True
        )
        assert response.status_code == 200
        response.close()
    sqs.send_message(QueueUrl=url, MessageBody="body")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "body"


def test_delivers_a_message_twice(proxy, sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="body")
    with proxy.duplicating():
        first, second = sqs.receive_message(QueueUrl=url)["Messages"]
    assert first == second


def test_replays_a_response_to_the_next_call(proxy, sqs, url, queues):
    queues.send("body")
    with proxy.replaying():
        first, again, none = (sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0).get("Messages") for _ in range(3))
    assert first
    assert again == first
    assert none is None


def test_corrupts_a_body_in_the_response_and_not_in_the_queue(proxy, sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody='{"a": "b"}')
    with proxy.corrupting():
        [corrupted] = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(corrupted["Body"])
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == '{"a": "b"}'


def test_faults_can_be_combined(proxy, sqs, url, queues):
    started = time.monotonic()
    with proxy.delaying(seconds=0.5), proxy.losing_responses("SendMessage"), pytest.raises(ConnectionClosedError):
        sqs.send_message(QueueUrl=url, MessageBody="body")
    assert time.monotonic() - started >= 0.5
    assert queues.waiting() == 1


def test_a_long_poll_ends_with_its_client_and_receives_no_later_message(proxy, sqs, url, queues):
    with pytest.raises(ReadTimeoutError):
        sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    queues.send("body")
    message = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["ApproximateReceiveCount"])["Messages"][0]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_counts_the_messages_that_calls_are_to_send(proxy, sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="body")
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(each), "MessageBody": "body"} for each in range(3)])
    assert proxy.sent == 4


def test_what_is_older_than_the_retention_is_gone_and_what_is_younger_is_delivered(proxy, sqs, url, queues):
    queues.send("old")
    time.sleep(0.6)  # the age that it is to have
    queues.send("young")
    with proxy.expiring(queues.url.rsplit("/", 1)[-1], retention=0.5):
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    assert [message["Body"] for message in found] == ["young"]
    assert proxy.expired == 1
    assert queues.waiting() == 1


def test_other_queues_keep_their_messages(proxy, sqs, url, queues):
    queues.send("old")
    time.sleep(0.2)  # the age that it is to have
    with proxy.expiring("another", retention=0.1):
        assert sqs.receive_message(QueueUrl=url)["Messages"]
    assert proxy.expired == 0
