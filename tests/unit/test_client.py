"""The calls of SQS that go round boto3: signed, refused and unanswered."""

import contextlib
import hashlib
import hmac
import json
from functools import partial

import pytest
from botocore.credentials import ReadOnlyCredentials

from celery_sqs.aws.credentials import Credentials
from celery_sqs.errors import CallFailed
from celery_sqs.metrics import CALLS
from tests.polling import poll
from tests.processes import free_port
from tests.unit.sqs_endpoint import REGION, calls_to, serving


@pytest.fixture
def sqs():
    with serving() as server:
        yield server


def test_a_call_is_one_post_of_json_that_names_its_action(sqs):
    sqs.answers = (200, b'{"Messages": [{"MessageId": "m"}]}')
    answer = calls_to(sqs.url).receive_message(QueueUrl="http://q", MaxNumberOfMessages=3)

    assert answer == {"Messages": [{"MessageId": "m"}]}
    [(path, headers, body)] = sqs.received
    assert path == "/"
    assert headers["X-Amz-Target"] == "AmazonSQS.ReceiveMessage"
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert json.loads(body) == {"QueueUrl": "http://q", "MaxNumberOfMessages": 3}


@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("receive_message", "ReceiveMessage"),
        ("send_message_batch", "SendMessageBatch"),
        ("delete_message_batch", "DeleteMessageBatch"),
        ("change_message_visibility_batch", "ChangeMessageVisibilityBatch"),
        ("get_queue_attributes", "GetQueueAttributes"),
        ("purge_queue", "PurgeQueue"),
    ],
)
def test_each_method_calls_its_action(sqs, method, action):
    getattr(calls_to(sqs.url), method)(QueueUrl="http://q")
    assert sqs.received[0][1]["X-Amz-Target"] == f"AmazonSQS.{action}"


def test_what_arrives_is_what_was_signed(sqs):
    """By the rules of https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html."""
    calls_to(sqs.url).send_message_batch(QueueUrl="http://q", Entries=[{"Id": "0", "MessageBody": "Käse"}])

    [(path, headers, body)] = sqs.received
    arrived = {name.lower(): value for name, value in headers.items()}
    scheme, _, parts = arrived["authorization"].partition(" ")
    given = dict(part.strip().split("=", 1) for part in parts.split(","))
    names = given["SignedHeaders"].split(";")
    assert {"host", "x-amz-date", "x-amz-security-token", "x-amz-target"} <= set(names)
    canonical = "\n".join(
        [
            "POST",
            path,
            "",
            *[f"{name}:{arrived[name]}" for name in names],
            "",
            given["SignedHeaders"],
            hashlib.sha256(body).hexdigest(),
        ]
    )
    key_id, day, *scope = given["Credential"].split("/")
    assert (key_id, scope) == ("the-key", [REGION, "sqs", "aws4_request"])
    key = b"AWS4the-secret"
    for part in (day, *scope):
        key = hmac.digest(key, part.encode(), "sha256")
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{scheme}\n{arrived['x-amz-date']}\n{day}/{'/'.join(scope)}\n{hashed}"
    assert given["Signature"] == hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    assert arrived["x-amz-security-token"] == "the-session-token"


def test_each_call_asks_for_the_credentials_that_are_valid_now(sqs):
    rotating = iter([ReadOnlyCredentials("old", "x", None), ReadOnlyCredentials("new", "y", None)])
    calls = calls_to(sqs.url, credentials=lambda: next(rotating))
    for _ in range(2):
        calls.receive_message(QueueUrl="http://q")
    assert ["old/" in sqs.received[0][1]["Authorization"], "new/" in sqs.received[1][1]["Authorization"]] == [True] * 2


def test_without_credentials_nothing_is_sent(sqs):
    with pytest.raises(CallFailed, match="finds no credentials") as missing:
        calls_to(sqs.url, credentials=Credentials(lambda: None)).receive_message(QueueUrl="http://q")
    assert missing.value.may_pass
    assert sqs.received == []


@pytest.mark.parametrize(
    ("status", "text", "code", "passes"),
    [
        (400, b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"}', "QueueDoesNotExist", False),
        (403, b'{"__type": "ExpiredToken", "message": "old"}', "ExpiredToken", True),
        (400, b'{"__type": "com.amazonaws.sqs#RequestThrottled"}', "RequestThrottled", True),
        (400, b'{"__type": "com.amazonaws.sqs#KmsThrottled"}', "KmsThrottled", True),
        (400, b'{"__type": "KMS.ThrottlingException"}', "KMS.ThrottlingException", True),  # boto3's name for it
        (500, b'{"__type": "InternalFailure"}', "InternalFailure", True),
        (503, b"<html>from a load balancer</html>", "", True),
        (404, b"\xff\xfe", "", False),
        (302, b"[]", "", False),
    ],
)
def test_a_refusal_has_its_code_and_status(sqs, status, text, code, passes):
    sqs.answers = (status, text)
    with pytest.raises(CallFailed) as refused:
        calls_to(sqs.url).receive_message(QueueUrl="http://q")
    assert (refused.value.code, refused.value.status) == (code, status)
    assert refused.value.may_pass is passes


@pytest.mark.parametrize("text", [b"", b"nonsense", b"[]", b'"text"', b"null", b"\xff"])
def test_an_answer_that_makes_no_sense_is_an_error_that_may_pass(sqs, text):
    sqs.answers = (200, text)
    with pytest.raises(CallFailed, match=r".") as nonsense:
        calls_to(sqs.url).receive_message(QueueUrl="http://q")
    assert nonsense.value.may_pass


def test_no_answer_ends_with_the_read_timeout(sqs):
    sqs.answers = None
    with pytest.raises(CallFailed, match="timed out") as silent:
        calls_to(sqs.url, read_timeout=0.2).receive_message(QueueUrl="http://q")
    assert silent.value.may_pass
    assert len(sqs.received) == 1, "whoever calls tries again, not we"


def test_a_refused_connection_is_an_error_that_may_pass():
    with pytest.raises(CallFailed) as refused:
        calls_to(f"http://127.0.0.1:{free_port()}").receive_message(QueueUrl="http://q")
    assert refused.value.may_pass


def test_a_connection_that_sqs_has_closed_meanwhile_is_not_used_again(sqs):
    sqs.hangs_up = True
    calls = calls_to(sqs.url)
    for number in range(5):
        calls.receive_message(QueueUrl="http://q")
        poll(partial(sqs.has_closed, number + 1), 5, "the connection is closed")
    assert len(sqs.received) == 5


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [((200, b"{}"), "ok"), ((400, b"{}"), "refused"), ((500, b"{}"), "failed"), (None, "failed")],
)
def test_each_try_is_counted(sqs, answers, outcome):
    counter = CALLS.labels("ReceiveMessage", outcome)._value
    before = counter.get()
    sqs.answers = answers
    with contextlib.suppress(CallFailed):
        calls_to(sqs.url, read_timeout=0.1).receive_message(QueueUrl="http://q")
    assert counter.get() == before + 1
