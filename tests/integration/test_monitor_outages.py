"""The workbench answers soon while the database or SQS is down."""

import re
import time

import pytest

from app import create_app
from tests.conftest import make_settings
from tests.emulator import Queues
from tests.polling import poll

pytestmark = pytest.mark.long

#: A probe of the database and a question to SQS, each waited for a second at the most, and a page.
SOON = 3.0  # seconds


@pytest.fixture
def http(mariadb_server, emulator):
    queues = Queues.fresh(emulator, visibility_timeout=2)
    app = create_app(
        make_settings(
            database_url=mariadb_server.application(mariadb_server.fresh()),
            sqs_endpoint=emulator.url,
            sqs_queue_url=queues.url,
            sqs_dlq_url=queues.dlq_url,
        )
    )
    http = app.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', http.get("/monitor/login").text)[1]
    form = {"csrf_token": token, "name": "ada", "password": "a-password-of-the-tests"}
    assert http.post("/monitor/login", data=form).status_code == 303
    assert "does not answer" not in http.get("/monitor/").text
    yield http
    app.extensions["order-intake"].engine.dispose()


@pytest.fixture(params=["gone", "suspended", "out_of_connections"])
def no_database(request, mariadb_server):
    with getattr(mariadb_server, request.param)():
        yield


def timed(http, page):
    began = time.monotonic()
    answer = http.get(page)
    took = time.monotonic() - began
    assert took < SOON, f"{page} took {took:.1f} s"
    return answer


def test_without_the_database_the_overview_shows_what_sqs_says(http, no_database):
    answer = timed(http, "/monitor/")
    assert answer.status_code == 200
    assert "The database does not answer" in answer.text
    assert "SQS does not answer" not in answer.text
    assert re.search(r"<dt>Waiting</dt><dd><b>0</b>", answer.text)
    assert timed(http, "/monitor/queues").status_code == 200


def test_without_the_database_the_other_pages_say_so(http, no_database):
    for page in ("/monitor/dlq", "/monitor/repairs", "/monitor/orders/x", "/monitor/dlq.json"):
        assert timed(http, page).status_code == 503


def test_when_the_database_is_back_so_are_the_pages(http, mariadb_server):
    with mariadb_server.gone():
        assert http.get("/monitor/dlq").status_code == 503
    poll(lambda: http.get("/monitor/dlq").status_code == 200, 10, "the page is back")


def test_without_sqs_every_page_answers(http, emulator):
    emulator.stop()
    try:
        poll(lambda: "SQS does not answer" in timed(http, "/monitor/").text, 10, "the overview says so")
        for page in ("/monitor/queues", "/monitor/dlq", "/monitor/repairs"):
            assert timed(http, page).status_code == 200
    finally:
        emulator.start()
