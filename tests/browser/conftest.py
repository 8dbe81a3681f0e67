"""The workbench in a real browser: the service once per module, a visitor per test."""

from datetime import timedelta

import pytest

from tests.browser.site import Site, Visitor
from tests.chromium import chromium
from tests.conftest import JWT_SECRET
from tests.emulator import Queues
from tests.polling import poll
from tests.processes import BIN, Process, free_port


@pytest.fixture(scope="module")
def browser():
    """One for all tests of a module. Playwright's event loop runs until its end: no longer than it has to."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(browser, emulator, mariadb_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    queues = Queues.fresh(emulator, visibility_timeout=2)
    port = free_port()
    environment = {
        "APP_ENV": "development",
        "PREFLIGHT": "warn",  # the queues of tests hide a message for less time than a task may take
        "SQS_ENDPOINT": emulator.url,
        "SQS_QUEUE_URL": queues.url,
        "SQS_DLQ_URL": queues.dlq_url,
        "DATABASE_URL": mariadb_server.application(mariadb_server.fresh()),
        "JWT_SECRET": JWT_SECRET,
        "ORDER_ID_SECRET": "the-order-id-secret-of-the-tests-alone",
        "OPERATORS": "ada:a-password-of-the-tests",
        "DLQ_RESCUE_MINUTES": "0",  # what these tests put into the DLQ has attempts left
        "PORT": str(port),
        "LOG_FORMAT": "json",
    }
    web = Process([BIN / "gunicorn", "-c", "config/gunicorn.py", "app:create_app()"], folder / "web.log", environment)
    worker = Process([BIN / "celery", "-A", "tasks", "worker"], folder / "worker.log", environment)
    site = Site(f"http://127.0.0.1:{port}", queues, environment, timedelta(hours=1))
    poll(lambda: web.says("Listening at") and site.alive(), 30, "web is alive")
    poll(lambda: worker.says("ready."), 30, "the worker is ready")
    yield site
    web.kill()
    worker.kill()
    queues.delete()


@pytest.fixture(scope="module")
def signed_in(browser, site):
    """The cookies of an operator who has signed in."""
    context = browser.new_context()
    visitor = Visitor(context, site)
    visitor.open("/login")
    visitor.sign_in()
    visitor.page.wait_for_url("**/monitor/")
    yield context.storage_state()
    context.close()


@pytest.fixture
def visit(browser, site, signed_in):
    """A function that signs an operator in, with a browser of these options; at the end it may show no error."""
    visits = []

    def let_in(**options):
        context = browser.new_context(storage_state=signed_in, **options)
        visits.append((context, Visitor(context, site)))
        return visits[-1][1]

    yield let_in
    troubles = [trouble for _, visitor in visits for trouble in visitor.troubles]
    for context, _ in visits:
        context.close()
    assert troubles == []


@pytest.fixture
def operator(visit):
    return visit(viewport={"width": 1280, "height": 800})
