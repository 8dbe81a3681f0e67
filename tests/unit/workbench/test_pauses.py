"""Pausing a queue in the workbench: only with a reason, and shown on every page."""

import pytest

from celery_sqs.workbench.parts import Parts
from tests.unit.workbench.fakes import REPAIR_ID

PAGES = ("/", "/orders", "/queues", "/dlq", "/dlq/redrive?all=1", "/repairs", f"/repairs/{REPAIR_ID}")


@pytest.fixture
def parts(app):
    return app.extensions[Parts.NAME]


@pytest.fixture
def paused(browser, parts):
    """The name of a queue that has been paused."""
    [queue] = parts.queue_names
    answer = browser.send("/monitor/queues/pause", queue=queue, reason="the bank <is> away")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/monitor/queues")
    return queue


def test_a_pause_is_on_record_with_who_and_why_and_can_be_ended(browser, parts, paused):
    assert (parts.pauses.paused[paused].paused_by, parts.pauses.paused[paused].reason) == ("ada", "the bank <is> away")
    assert f"Resume {paused}" in browser.http.get("/monitor/queues").text
    assert browser.send("/monitor/queues/resume", queue=paused, reason="it is back").status_code == 303
    assert parts.pauses.paused == {}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_who_has_paused_what_and_why(browser, paused, page):
    text = browser.http.get(f"/monitor{page}").text
    assert f"Queue {paused} is paused." in text
    assert "By ada since " in text
    assert "the bank &lt;is&gt; away" in text


def test_a_pause_without_a_reason_is_asked_for_one(browser, parts):
    [queue] = parts.queue_names
    answer = browser.send("/monitor/queues/pause", queue=queue, reason=" ")
    assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (422, True)
    assert parts.pauses.paused == {}


def test_a_second_pause_is_told_of_the_first(browser, paused):
    answer = browser.send("/monitor/queues/pause", queue=paused, reason="again")
    assert (answer.status_code, "paused by ada since" in answer.text) == (422, True)


def test_there_is_no_pause_of_a_queue_that_is_not_the_apps(browser, parts):
    assert browser.send("/monitor/queues/pause", queue="another", reason="r").status_code == 404
    assert parts.pauses.paused == {}


def test_the_audit_lists_it(browser, paused):
    assert paused in browser.http.get("/monitor/repairs").text
    [pause] = browser.http.get("/monitor/repairs.json").json["pauses"]
    assert (pause["queue"], pause["paused_by"]) == (paused, "ada")
