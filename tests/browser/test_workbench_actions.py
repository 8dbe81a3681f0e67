"""What an operator does about dead messages, in a real browser, on real queues; with scripts and without."""

import re

import pytest
from playwright.sync_api import expect

from app import create_app
from celery_sqs.dlq import Selection
from celery_sqs.workbench.parts import Parts
from config.settings import load
from tests.browser.site import OPERATOR

pytestmark = pytest.mark.long

WITHOUT_SCRIPTS = {"java_script_enabled": False}


@pytest.fixture(params=[{}, WITHOUT_SCRIPTS], ids=["scripts", "no scripts"])
def operator(visit, request):
    """An operator whose browser runs scripts, and one whose does not."""
    return visit(viewport={"width": 1280, "height": 800}, **request.param)


@pytest.fixture
def scripted(visit):
    return visit(viewport={"width": 1280, "height": 800})


def confirmed(page):
    """Wait until the repair that is open is done."""
    expect(page.locator("#progress")).to_contain_text("confirmed by the row", timeout=20_000)
    expect(page.locator("#state")).to_have_text("done", timeout=20_000)


def test_a_message_is_found_tried_and_sent_again(operator, site):
    order_id = site.bury_order()
    operator.scan()
    operator.message_of(order_id)
    page = operator.page
    page.click("text=Dry run")
    expect(page.locator("main")).to_contain_text("1 of 1 would be accepted")
    page.click("text=Redrive")
    page.fill("#reason", "it was buried by mistake")
    page.click("text=Redrive 1")
    confirmed(page)
    assert site.state(order_id) == "persisted"
    operator.open(f"/orders/{order_id}")
    expect(page.locator(".line")).to_contain_text("Redriven by an operator")
    expect(page.locator(".line")).to_contain_text("it was buried by mistake")


def test_a_group_is_sent_again_and_the_audit_has_it(operator, site):
    orders = [site.bury_order(product=f"Widget {number}") for number in range(7)]
    operator.scan()
    page = operator.page
    page.click("text=No reason on record")
    page.click("text=Redrive")
    page.fill("#reason", "all of them were fine")
    page.fill("#canaries", "2")
    page.click("main button.primary")
    confirmed(page)
    expect(page.locator("#progress")).to_contain_text("2 went first as canaries")
    assert {site.state(order_id) for order_id in orders} == {"persisted"}
    operator.open("/repairs")
    first = page.locator("tbody tr").first
    expect(first).to_contain_text(OPERATOR)
    expect(first).to_contain_text("all of them were fine")
    expect(first).to_contain_text("7 of 7")


def test_a_message_is_edited_compared_and_sent(operator, site):
    order_id = site.kill_order()
    operator.scan()
    operator.message_of(order_id)
    page = operator.page
    page.click("text=Edit")
    expect(page.locator("#errors")).to_contain_text("quantity")
    body = page.input_value("textarea")
    page.fill("textarea", body.replace('"quantity": 0', '"quantity": -1'))
    page.click("text=Check and compare")
    expect(page.locator("#errors")).to_contain_text("quantity")
    page.fill("textarea", body.replace('"quantity": 0', '"quantity": 3'))
    page.click("text=Check and compare")
    expect(page.locator(".diff .gone")).to_contain_text('"quantity": 0')
    expect(page.locator(".diff .new")).to_contain_text('"quantity": 3')
    page.fill("#reason", "the customer says three")
    page.click("text=Send the new message")
    confirmed(page)
    order = site.read(f"/orders/{order_id}.json")["timeline"]
    assert (order["state"], '"quantity":3' in order["payload"].replace(" ", "")) == ("persisted", True)


def test_a_message_is_discarded_with_a_reason(operator, site):
    order_id = site.kill_order()
    operator.scan()
    message_id = operator.message_of(order_id)
    page = operator.page
    page.click("text=Discard")
    page.fill("#reason", "a test of the customer's")
    page.check("[name=sure]")
    page.click("text=Discard 1")
    expect(page.locator("#progress")).to_contain_text("discarded", timeout=20_000)
    operator.open(f"/dlq/messages/{message_id}")
    expect(page.locator("main")).to_contain_text("no longer in the DLQ")
    assert site.queues.dead() == [] or order_id not in str(site.queues.dead())


def test_a_repair_that_nobody_runs_goes_on(scripted, site, monkeypatch):
    order_id = site.bury_order()
    scripted.scan()
    message_id = scripted.message_of(order_id)
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)
    dlq = create_app(load(None)).extensions[Parts.NAME].dlq
    [service] = dlq
    repair_id = service.repairs.plan("redrive", Selection.ids([message_id]), "bob", "and then his laptop died")
    dlq.messages._engine.dispose()
    page = scripted.open(f"/repairs/{repair_id}")
    expect(page.locator("main")).to_contain_text("Nobody is at it")
    page.click("text=Go on with it")
    confirmed(page)
    assert site.state(order_id) == "persisted"


def test_a_group_that_would_be_refused_is_stopped_by_its_canary(scripted, site):
    for _ in range(3):
        site.kill_order()
    scripted.scan()
    page = scripted.page
    page.click("text=InvalidOrder")
    page.click("text=Dry run")
    expect(page.locator("main")).to_contain_text(re.compile(r"0 of \d+ would be accepted"))
    page.click("text=Redrive")
    page.fill("#reason", "let us see")
    page.fill("#canaries", "1")
    page.click("text=all the same")
    expect(page.locator("#state")).to_have_text("stopped", timeout=30_000)
    expect(page.locator("#progress")).to_contain_text("failed again")
