"""Every page of the workbench in a real browser: wide and narrow, light and dark, with what others wrote in it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.site import OPERATOR, Visitor

pytestmark = pytest.mark.long

HOSTILE = "<script>alert('product')</script><img src=x onerror=alert(1)>"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 375, "height": 700}


@pytest.fixture(scope="module")
def orders(site, browser, signed_in):
    """Orders of several fates; they stay as they are in all tests of this module."""
    context = browser.new_context(storage_state=signed_in)
    visitor = Visitor(context, site)
    found = {"persisted": site.post(HOSTILE), "dead": site.kill_order(HOSTILE), "buried": site.bury_order()}
    site.persisted(found["persisted"])
    site.bury_order()  # nothing is on record of it: its kind has the longest words
    site.queues.sqs.send_message(QueueUrl=site.queues.dlq_url, MessageBody=f"no JSON: {HOSTILE} \x7f" + "x" * 3000)
    visitor.scan()
    visitor.message_of(found["buried"])
    visitor.page.click("text=Redrive")
    visitor.page.fill("#reason", HOSTILE)
    visitor.page.click("text=Redrive 1")
    found["repair"] = visitor.page.url.rsplit("/", 1)[-1]
    yield found
    context.close()


@pytest.fixture(scope="module")
def pages(site, orders):
    """The addresses of all pages, by name."""
    groups = {each["error_class"]: each["fingerprint"] for each in site.read("/dlq.json")["groups"]}
    messages = site.read("/dlq/messages.json")["messages"]
    dead = next(each["message_id"] for each in messages if each["subject"] == orders["dead"])
    poison = next(each["message_id"] for each in messages if each["subject"] is None)
    return {
        "overview": "/",
        "orders": "/orders",
        "missing orders": "/lists/missing",
        "persisted order": f"/orders/{orders['persisted']}",
        "dead order": f"/orders/{orders['dead']}",
        "queues": "/queues",
        "dlq": "/dlq",
        "group": f"/dlq/groups/{groups['InvalidOrder']}",
        "messages": "/dlq/messages",
        "message": f"/dlq/messages/{dead}",
        "poison": f"/dlq/messages/{poison}",
        "dry run": "/dlq/dry-run?all=1",
        "redrive": "/dlq/redrive?all=1",
        "discard": f"/dlq/discard?message={dead}",
        "edit": f"/dlq/messages/{dead}/edit",
        "edit of poison": f"/dlq/messages/{poison}/edit",
        "repairs": "/repairs",
        "repair": f"/repairs/{orders['repair']}",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_page_fits_and_the_browser_complains_of_nothing(visit, pages, viewport, scheme):
    operator = visit(viewport=viewport, color_scheme=scheme)
    too_wide = []
    for name, path in pages.items():
        page = operator.open(path)
        if not fits(page):
            too_wide.append(name)
        light = int(re.search(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[0]) > 128
        assert light is (scheme == "light"), name
    assert too_wide == []


def test_what_comes_back_from_forms_fits_a_phone(visit, pages):
    operator = visit(viewport=PHONE)
    page = operator.open(pages["edit"])
    body = page.input_value("textarea")
    page.click("text=Check and compare")
    expect(page.locator("#errors")).to_be_visible()
    assert fits(page)
    page.fill("textarea", body.replace('"quantity": 0', '"quantity": 1'))
    page.click("text=Check and compare")
    expect(page.locator(".diff")).to_be_visible()
    assert fits(page)
    page.goto(page.url.replace("/edit", "x" * 200))
    expect(page.locator("h1")).to_have_text("Not Found")
    assert fits(page)
    operator.troubles.clear()  # Chromium takes a 404 for an error


def test_pages_have_names_for_everything_that_one_can_use(visit, pages):
    operator = visit(viewport=WIDE)
    for name, path in pages.items():
        page = operator.open(path)
        nameless = page.evaluate(
            """[...document.querySelectorAll('a[href], button, input:not([type=hidden]), textarea:not([hidden])')]
               .filter((each) => !each.textContent.trim() && !each.labels?.length && !each.ariaLabel)
               .map((each) => each.outerHTML)"""
        )
        assert nameless == [], name
        assert page.locator("h1").count() == 1, name
        assert page.evaluate("document.documentElement.lang") == "en"


def test_the_hostile_order_is_text_wherever_it_is_shown(operator, pages):
    page = operator.open(pages["persisted order"])
    expect(page.get_by_label("Message", exact=True)).to_contain_text(HOSTILE)
    page = operator.open(pages["message"])
    expect(page.get_by_label("Body", exact=True)).to_contain_text(HOSTILE)
    page = operator.open(pages["poison"])
    expect(page.get_by_label("Body", exact=True)).to_contain_text(HOSTILE)
    page = operator.open(pages["edit"])
    assert HOSTILE in page.input_value("textarea")


def test_a_script_that_got_into_a_page_would_not_run(operator):
    page = operator.open("/")
    page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.broken = true';
            document.body.append(script);
            document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.broken = true">');
            document.body.insertAdjacentHTML('beforeend', '<p id="styled" style="display: none">text</p>');
        }"""
    )
    expect(page.locator("#styled")).to_be_visible()
    assert page.evaluate("window.broken") is None
    blocked = [trouble for trouble in operator.troubles if "Content Security Policy" in trouble]
    assert len(blocked) == 3
    operator.troubles.clear()


def test_an_orders_time_line_goes_from_the_request_to_the_row(operator, orders):
    page = operator.open(f"/orders/{orders['persisted']}")
    expect(page.locator(".line .what").first).to_have_text("Accepted from the customer")
    expect(page.locator(".line")).to_contain_text("Persisted: the row is there")


def test_a_dead_orders_time_line_says_why_it_died(operator, orders):
    page = operator.open(f"/orders/{orders['dead']}")
    expect(page.locator(".line")).to_contain_text("InvalidOrder")
    expect(page.locator(".line")).to_contain_text("quantity")
    expect(page.locator(".line")).to_contain_text("Dead: in the DLQ")


def test_the_search_finds_an_order_from_any_page(operator, orders):
    page = operator.open("/queues")
    page.keyboard.press("/")
    page.keyboard.type(orders["dead"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/orders/{orders['dead']}")


def test_the_overview_keeps_itself_fresh(operator, site):
    page = operator.open("/")
    accepted = page.locator(".plot", has_text="Accepted").locator(".total")
    before = int(accepted.inner_text().replace(",", ""))
    page.evaluate("window.stays = true")
    site.post()
    expect(accepted).to_have_text(re.compile(f"^{before + 1}$"), timeout=15_000)
    assert page.evaluate("window.stays")


class TestKeys:
    @pytest.mark.parametrize(
        ("keys", "address"),
        [("go", "/monitor/"), ("gs", "/orders"), ("gq", "/queues"), ("gd", "/dlq"), ("ga", "/repairs")],
    )
    def test_g_and_another_key_lead_to_a_page(self, operator, keys, address):
        page = operator.open("/orders" if keys != "gs" else "/dlq")
        page.locator("h1").click()  # out of the field that has the focus
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_url(f"**{address}")

    def test_what_is_typed_into_a_field_is_no_shortcut(self, operator):
        page = operator.open("/orders")
        page.fill("#q", "")
        page.keyboard.type("gd/?")
        assert page.input_value("#q") == "gd/?"
        assert page.url.endswith("/orders")

    def test_a_question_mark_lists_them(self, operator):
        page = operator.open("/dlq")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).not_to_be_visible()

    def test_the_first_tab_skips_to_the_content(self, operator):
        page = operator.open("/dlq")
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Skip to the content")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"

    def test_what_has_the_focus_can_be_seen(self, operator):
        page = operator.open("/dlq")
        for _ in range(12):
            page.keyboard.press("Tab")
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


class TestSigningIn:
    @pytest.fixture
    def stranger(self, browser, site):
        context = browser.new_context()
        yield Visitor(context, site)
        context.close()

    def test_a_stranger_signs_in_and_gets_to_the_page_that_was_asked_for(self, stranger):
        page = stranger.open("/dlq")
        expect(page).to_have_url(re.compile("/login"))
        stranger.sign_in()
        page.wait_for_url("**/monitor/dlq")
        expect(page.locator(".who")).to_have_text(OPERATOR)

    def test_a_wrong_password_is_told(self, stranger):
        page = stranger.open("/login")
        stranger.sign_in(password="wrong")
        expect(page.get_by_role("alert")).to_have_text("Name and password do not go together.")

    def test_signing_out_leads_back_to_the_form(self, stranger):
        stranger.open("/login")
        stranger.sign_in()
        stranger.page.click("text=Sign out")
        stranger.page.wait_for_url("**/login")
        stranger.open("/dlq")
        expect(stranger.page).to_have_url(re.compile("/login"))


def fits(page):
    """Whether nothing of the page has to be scrolled sideways: not the whole, no table, and not the navigation."""
    return page.evaluate(
        """document.scrollingElement.scrollWidth <= innerWidth &&
           [...document.querySelectorAll('.table, .nav')].every((each) => each.scrollWidth <= each.clientWidth)"""
    )
