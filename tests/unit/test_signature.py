"""A call is signed as botocore signs it, whatever the endpoint, the credentials and the day."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from celery_sqs import system
from celery_sqs.aws.signature import CONTENT_TYPE, Signer

ACTION = "AmazonSQS.SendMessageBatch"
BODY = '{"QueueUrl": "…"}'.encode()
LASTING = ReadOnlyCredentials("AKIA", "a-secret", None)
OF_A_ROLE = ReadOnlyCredentials("ASIA", "another-secret", "a/token+of==a-role")
SPACED = OF_A_ROLE._replace(token=" a/token  with\tspaces ")  # a server may strip a header
URLS = [
    "https://sqs.eu-central-1.amazonaws.com/",
    "https://sqs.eu-central-1.amazonaws.com:443/",
    "http://127.0.0.1:4100/",
    "http://[::1]:4100/",
    "http://user:secret@sqs.example:80/",
    "https://VPCE-1.sqs.example:8443/",
    "http://localhost:/",
    "https://sqs.example:0443/",
    "http://[::1]:0080/",
    "http://[FE80::1]:04100/",
    "https://gateway.example/sqs/stage one/a+b~c/../d/",
]


def by_botocore(url, credentials):
    """The headers that botocore gives."""
    request = AWSRequest("POST", url, {"Content-Type": CONTENT_TYPE, "X-Amz-Target": ACTION}, BODY)
    SigV4Auth(credentials, "sqs", "eu-central-1").add_auth(request)
    return dict(request.headers)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("credentials", [LASTING, OF_A_ROLE, SPACED], ids=["lasting", "of a role", "spaced"])
def test_the_headers_are_those_of_botocore(url, credentials):
    signer = Signer(url, "eu-central-1")
    for _ in range(20):  # the two may see different seconds
        ours, theirs = signer.headers(credentials, ACTION, BODY), by_botocore(url, credentials)
        if ours["X-Amz-Date"] == theirs["X-Amz-Date"]:
            break
    assert ours == theirs


@pytest.fixture
def at(monkeypatch):
    """A function that sets the time."""
    return lambda instant: monkeypatch.setattr(system, "now", lambda _: instant)


def test_neither_an_earlier_secret_nor_the_key_of_yesterday_signs_anything(at):
    signer, today = Signer(URLS[0], "eu-central-1"), datetime.now(UTC)
    for instant in (today - timedelta(days=1), today):
        at(instant)
        for credentials in (LASTING, OF_A_ROLE, LASTING._replace(secret_key="a-new-secret"), LASTING):
            fresh = Signer(URLS[0], "eu-central-1").headers(credentials, ACTION, BODY)
            assert signer.headers(credentials, ACTION, BODY) == fresh


@pytest.mark.parametrize(
    ("credentials", "what"),
    [
        (OF_A_ROLE._replace(token="secret\nvalue"), "session token"),
        (OF_A_ROLE._replace(token="secret€"), "session token"),
        (LASTING._replace(access_key="secret\r"), "access key"),
    ],
)
def test_credentials_that_no_header_takes_are_named_and_not_quoted(credentials, what):
    with pytest.raises(ValueError, match=f"the {what} of AWS") as refused:
        Signer(URLS[0], "eu-central-1").headers(credentials, ACTION, BODY)
    assert "secret" not in str(refused.value)
