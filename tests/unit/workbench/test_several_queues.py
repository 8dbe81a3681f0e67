"""The pages of an app with several queues: each queue by itself, and all together."""

import dataclasses
import re

import pytest

from celery_sqs import QueuePair
from celery_sqs.aws.queue_numbers import read
from celery_sqs.dependencies import Recent
from celery_sqs.workbench import create_app
from celery_sqs.workbench.parts import Parts
from celery_sqs.workbench.runs import Runs
from tests.shop import QUEUE, bury, make_shop
from tests.unit.workbench.fakes import PASSWORD, Browser
from tests.unit.workbench.test_alone import OPERATORS, SECRET

OTHERS = {"parcels": f"{QUEUE}-parcels", "stamps": f"{QUEUE}-stamps"}


def numbers(waiting, dead):
    work = read("http://sqs/0/work", {"ApproximateNumberOfMessages": str(waiting)})
    return QueuePair(work, read("http://sqs/0/dlq", {"ApproximateNumberOfMessages": str(dead)}))


def silent():
    raise OSError("Connection refused")


@pytest.fixture
def shop(tmp_path):
    app = make_shop(tmp_path, others=OTHERS)
    bury(app, "m1")
    bury(app, "m2")
    bury(app, "p1", "parcels")
    return app


@pytest.fixture
def app(shop):
    app = create_app(shop, SECRET, OPERATORS, https_only=False)
    asked = {"mail": lambda: numbers(100, 2), "parcels": lambda: numbers(20, 1), "stamps": silent}
    replaced = {"numbers": {name: Recent(ask, 0) for name, ask in asked.items()}}
    app.extensions[Parts.NAME] = dataclasses.replace(app.extensions[Parts.NAME], **replaced)
    yield app
    app.extensions[Parts.NAME].dlq.engine.dispose()


@pytest.fixture
def browser(app):
    browser = Browser(app, prefix="")
    assert browser.sign_in(password=PASSWORD).status_code == 303
    return browser


def links(page):
    return set(re.findall(r'href="([^"]+)"', page.replace("&amp;", "&")))


def test_the_overview_has_each_queue_with_its_numbers_and_their_sum(browser):
    shown = browser.http.get("/overview.json").json
    assert (shown["sqs"]["value"]["work"]["visible"], shown["sqs"]["value"]["dlq"]["visible"]) == (120, 3)
    assert "stamps: OSError: Connection refused" in shown["sqs"]["error"]
    assert [each["name"] for each in shown["queues"]] == ["mail", "parcels", "stamps"]
    page = browser.http.get("/").text
    assert links(page) >= {"/queues?queue=mail", "/dlq?queue=mail", "/dlq?queue=parcels", "/queues?queue=stamps"}


def test_the_overview_marks_the_queue_that_is_paused(app, browser):
    app.extensions[Parts.NAME].pauses.pause("parcels", "ada", "the van has a flat tyre")
    page = browser.http.get("/").text
    assert re.findall(r'">(\w+)</a> <span class="tag warning">paused</span>', page) == ["parcels"]


def test_the_page_of_a_queue_says_which_it_is(browser):
    assert "<h1>Queue parcels</h1>" in browser.http.get("/queues?queue=parcels").text


def test_the_dlq_page_shows_all_queues_and_switches_between_them(browser):
    page = browser.http.get("/dlq").text
    assert links(page) >= {"/dlq?queue=mail", "/dlq?queue=parcels", "/dlq?queue=stamps"}
    assert "Redrive all" not in page, "a repair is of one queue"
    shown = browser.http.get("/dlq.json").json
    assert [(group["queue"], group["count"]) for group in shown["groups"]] == [("mail", 2), ("parcels", 1)]
    alone = browser.http.get("/dlq.json?queue=parcels").json
    assert (alone["count"], alone["sqs"]["value"]["dlq"]["visible"]) == (1, 1)
    page = browser.http.get("/dlq?queue=parcels").text
    assert links(page) >= {"/dlq/redrive?all=1&queue=parcels", "/dlq/dry-run?all=1&queue=parcels"}
    assert '<td data-label="Queue">' not in page
    assert browser.http.get("/dlq?queue=letters").status_code == 404


def test_a_group_is_of_one_queue(browser):
    [group, other] = browser.http.get("/dlq.json").json["groups"]
    assert group["fingerprint"] == other["fingerprint"]
    answer = browser.http.get(f"/dlq/groups/{group['fingerprint']}")
    assert (answer.status_code, "queue=mail or queue=parcels" in answer.text) == (404, True)
    page = browser.http.get(f"/dlq/groups/{group['fingerprint']}?queue=parcels").text
    assert f"/dlq/redrive?group={group['fingerprint']}&queue=parcels" in links(page)
    assert ("p1" in page, "m1" in page) == (True, False)
    answer = browser.http.get(f"/dlq/redrive?group={group['fingerprint']}")
    assert (answer.status_code, "Say which: queue=" in answer.text) == (404, True)


def test_messages_of_all_say_their_queue(browser):
    page = browser.http.get("/dlq/messages").text
    assert (page.count('data-label="Queue">mail<'), page.count('data-label="Queue">parcels<')) == (2, 1)
    assert [each["message_id"] for each in browser.http.get("/dlq/messages.json?queue=mail").json["messages"]] == [
        "m1",
        "m2",
    ]
    assert "<dt>Queue</dt><dd>parcels</dd>" in browser.http.get("/dlq/messages/p1").text


def test_a_repair_is_of_the_queue_that_is_named_and_says_so(browser, app, monkeypatch):
    monkeypatch.setattr(Runs, "repair", lambda self, repair_id: None)
    assert browser.http.get("/dlq/redrive?all=1").status_code == 404
    assert 'name="queue" value="parcels"' in browser.http.get("/dlq/redrive?all=1&queue=parcels").text
    answer = browser.send("/dlq/redrive", all="1", queue="parcels", canaries="0", reason="mended")
    assert answer.status_code == 303
    page = browser.http.get(answer.headers["Location"])
    assert "queue parcels" in page.text
    [item] = browser.http.get(f"{answer.headers['Location']}.json").json["items"]
    assert item["message_id"] == "p1"
    assert 'data-label="Queue">parcels<' in browser.http.get("/repairs").text
    entries = browser.http.get("/tasks/task-of-p1.json").json["timeline"]["entries"]
    assert [entry["detail"]["queue"] for entry in entries] == ["parcels"]
    assert "<dt>queue</dt><dd>parcels</dd>" in browser.http.get("/tasks/task-of-p1").text


def test_the_queues_page_is_of_one_of_them(browser):
    page = browser.http.get("/queues?queue=parcels").text
    assert 'href="/queues?queue=parcels" aria-current="true"' in page
    assert browser.http.get("/queues.json").json["queue"] == "mail"


def test_one_queue_alone_can_be_shown(shop):
    app = create_app(shop, SECRET, OPERATORS, https_only=False, queue="parcels")
    browser = Browser(app, prefix="")
    browser.sign_in()
    assert browser.http.get("/dlq.json").json["count"] == 1
    assert not [link for link in links(browser.http.get("/dlq").text) if "queue=" in link]
    app.extensions[Parts.NAME].dlq.engine.dispose()
