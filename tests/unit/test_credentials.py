"""Credentials that come after the process are found, and nobody waits for a look."""

import os
import threading
from datetime import timedelta

import pytest
from botocore.credentials import Credentials as Keys

from celery_sqs.aws import endpoint as endpoints
from celery_sqs.aws.credentials import LOOK_EVERY, Credentials
from celery_sqs.aws.endpoint import Endpoint, boto3_client, sqs_client
from celery_sqs.errors import CallFailed
from tests import metadata_service
from tests.polling import poll
from tests.unit.sqs_endpoint import REGION, serving

KEYS = Keys("a", "b", "c")


class Places:
    """Gives what a script says, and then the keys."""

    def __init__(self, *script):
        self._script = list(script)
        self.looks = 0

    def __call__(self):
        self.looks += 1
        found = self._script.pop(0) if self._script else KEYS
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture(params=["machine", "container"])
def metadata(request, monkeypatch, tmp_path):
    """A metadata service that has no credentials yet, and is the only place that may have some."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with metadata_service.serving() as service:
        for name, value in service.environments()[request.param].items():
            monkeypatch.setenv(name, value)
        yield service


def test_credentials_that_come_after_the_client_are_used(metadata):
    with serving() as sqs:
        client = sqs_client(Endpoint(REGION, sqs.url))
        with pytest.raises(CallFailed, match="finds no credentials"):
            client.receive_message(QueueUrl="http://q")
        metadata.has_credentials = True

        def receives():
            try:
                return client.receive_message(QueueUrl="http://q") == {}
            except CallFailed:
                return False

        poll(receives, 3 * LOOK_EVERY, "the credentials are found")
        assert "Credential=the-key-of-the-role/" in sqs.received[0][1]["Authorization"]


def test_credentials_that_are_about_to_expire_are_exchanged_for_the_next_as_boto3s_are(metadata):
    metadata.has_credentials, metadata.key, metadata.lifetime = True, "first", timedelta(minutes=5)
    with serving() as sqs:
        there = Endpoint(REGION, sqs.url)
        ours, theirs = sqs_client(there), boto3_client(there)
        for key in ("first", "second"):
            metadata.key = key
            for client in (ours, theirs):
                client.receive_message(QueueUrl="http://q")
        used = [headers["Authorization"].partition("Credential=")[2].split("/")[0] for _, headers, _ in sqs.received]
    assert used[::2] == used[1::2]
    # botocore takes a machine's as valid for longer than they say, as that service may be late with the next.
    assert used[-1] == ("second" if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in os.environ else "first")


def test_the_clients_of_an_endpoint_look_together(metadata):
    there = Endpoint(REGION, "http://127.0.0.1:1")
    for wait in (0, 20):
        for _ in range(10):
            with pytest.raises(CallFailed, match="finds no credentials"):
                sqs_client(there, wait).receive_message(QueueUrl="http://q")
    assert metadata.asked <= 2


def test_with_credentials_of_its_own_nobody_is_asked(metadata):
    sqs_client(Endpoint(REGION, "http://127.0.0.1:1", ("a", "b")))
    assert endpoints._credentials(Endpoint(REGION, "http://127.0.0.1:1", ("a", "b")))().access_key == "a"
    assert metadata.asked == 0


def test_what_is_found_is_not_looked_for_again():
    places = Places()
    credentials = Credentials(places, look_every=0)
    assert [credentials().access_key for _ in range(3)] == ["a"] * 3
    assert places.looks == 1


@pytest.mark.parametrize("nothing", [None, KeyError("AccessKeyId"), FileNotFoundError("token")], ids=repr)
def test_they_are_looked_for_until_they_are_found(nothing):
    places = Places(*[nothing] * 3)
    credentials = Credentials(places, look_every=0)
    for _ in range(2):
        with pytest.raises(CallFailed, match="finds no credentials") as missing:
            credentials()
        assert missing.value.may_pass
    assert credentials().access_key == "a"
    assert places.looks == 4


def test_the_looks_are_few():
    places = Places(*[None] * 100)
    credentials = Credentials(places)
    for _ in range(100):
        with pytest.raises(CallFailed):
            credentials()
    assert places.looks == 1


def test_nobody_waits_for_the_look_of_another():
    looking, resume, looks = threading.Event(), threading.Event(), []

    def find():
        looks.append(1)
        if len(looks) == 1:
            return None
        looking.set()
        resume.wait(5)
        return KEYS

    credentials = Credentials(find, look_every=0)
    thread = threading.Thread(target=credentials)
    thread.start()
    assert looking.wait(5)
    with pytest.raises(CallFailed):
        credentials()
    resume.set()
    thread.join()
    assert credentials().access_key == "a"


def test_credentials_that_cannot_be_refreshed_are_a_failed_call():
    class Expired:
        def get_frozen_credentials(self):
            raise KeyError("Token")

    with pytest.raises(CallFailed, match="cannot refresh") as expired:
        Credentials(Expired)()
    assert expired.value.may_pass
