"""The workbench on doubles: an application with doubles whose answers a test sets, and an operator's browser."""

import pytest

from app import create_app
from celery_sqs import QueuePair
from celery_sqs.aws.queue_numbers import read
from celery_sqs.workbench.parts import Parts
from tests.conftest import make_settings
from tests.unit.workbench.fakes import Browser, FakeDlq, FakeHistory, with_fakes


def numbers(dlq=7):
    work = read("http://sqs/0/orders", {"ApproximateNumberOfMessages": "1204", "VisibilityTimeout": "30"})
    return QueuePair(work, read("http://sqs/0/orders-dlq", {"ApproximateNumberOfMessages": str(dlq)}))


@pytest.fixture
def dlq():
    return FakeDlq()


@pytest.fixture
def history():
    return FakeHistory()


@pytest.fixture
def app(store, queue, dlq, history, tmp_path):
    settings = make_settings(database_url=f"sqlite:///{tmp_path}/orders.db")
    app = with_fakes(create_app(settings, store=store, queue=queue), dlq, history, numbers)
    yield app
    app.extensions[Parts.NAME].event_reader._engine.dispose()


@pytest.fixture
def browser(app):
    browser = Browser(app)
    browser.sign_in()
    return browser


@pytest.fixture
def make_app(store, queue, dlq):
    """A function that makes an application with other settings."""

    def make(**changes):
        return with_fakes(create_app(make_settings(**changes), store=store, queue=queue), dlq)

    return make


@pytest.fixture
def stranger(make_app):
    """A browser that nobody has signed in with."""
    return Browser(make_app())
