"""A pytest plug-in between Celery's integration tests and a broker: it runs in the environment of these tests.

All brokers get the same: nothing is run again, and no test has a longer time limit than another.
"""

import os
import time
from typing import Any, Final

import boto3
import pytest
from celery.worker import state

import celery_sqs

#: Names the URLs of the queue and its DLQ in the environment, where the broker is SQS.
QUEUES: Final = "CELERY_SUITE_QUEUES"
ENDPOINT: Final = "CELERY_SUITE_ENDPOINT"

#: Set where the app of the tests is put on this transport.
SET_UP: Final = "CELERY_SUITE_SET_UP"

REGION: Final = "us-east-1"
KEYS: Final = ("test", "test")

#: Celery's fixtures that make an app.
APPS: Final = ("celery_app", "celery_session_app")

#: Seconds that the worker, a thread of this process, has to finish what a test has left; and between two looks.
IDLE_LIMIT: Final = 10
IDLE_PAUSE: Final = 0.1

#: What of the suite's marks would favour a test: more runs, and more time than `--timeout` gives.
FAVOURS: Final = ("flaky", "timeout")


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Any:
    """Put each app on this transport as Celery's fixture has made it: nobody has defined a task of it yet."""
    value = yield
    if SET_UP in os.environ and fixturedef.argname in APPS:
        celery_sqs.setup(value)
        # The tests wait for one attempt, and not for the pauses between three.
        celery_sqs.SQSTask.backoff_base = 0
    return value


@pytest.fixture(scope="session", autouse=True)
def _sqs() -> Any:
    keys = {"aws_access_key_id": KEYS[0], "aws_secret_access_key": KEYS[1]}
    if QUEUES not in os.environ:
        return None
    return boto3.client("sqs", REGION, endpoint_url=os.environ[ENDPOINT], **keys)


@pytest.fixture(autouse=True)
def _empty_queues(_sqs: Any) -> Any:
    """What a test has left in the queues, and with the worker, is not the next one's to run.

    The suite's own teardown purges the queue and waits for what runs: not for what is reserved, and it knows no DLQ.
    """
    yield
    for url in os.environ.get(QUEUES, "").split():
        _sqs.purge_queue(QueueUrl=url)
    deadline = time.monotonic() + IDLE_LIMIT
    while SET_UP in os.environ and state.reserved_requests and time.monotonic() < deadline:
        time.sleep(IDLE_PAUSE)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Remove the marks that would run a test again or give it more time."""
    for item in items:
        for node in item.listchain():
            node.own_markers = [mark for mark in node.own_markers if mark.name not in FAVOURS]
