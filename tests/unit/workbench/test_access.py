"""Who gets into the workbench, and what keeps everybody else out."""

import base64

import pytest

from app import create_app
from celery_sqs.workbench.operators import (
    MAX_FAILURES,
    MAX_FAILURES_OF_ADDRESS,
    WINDOW,
    Operators,
    TooManyFailures,
)
from tests.conftest import make_settings
from tests.unit.workbench.fakes import PASSWORD, REPAIR_ID, Browser

PAGES = [
    "/monitor/",
    "/monitor/orders",
    "/monitor/orders/x",
    "/monitor/queues",
    "/monitor/dlq",
    "/monitor/dlq/messages/message-1",
    "/monitor/dlq/redrive?all=1",
    f"/monitor/repairs/{REPAIR_ID}",
    "/monitor/nowhere",
]
ACTIONS = [
    "/monitor/dlq/scan",
    "/monitor/dlq/redrive",
    "/monitor/dlq/discard",
    "/monitor/dlq/messages/message-1/edit",
    f"/monitor/repairs/{REPAIR_ID}",
    "/monitor/logout",
]


@pytest.fixture
def browser(stranger):
    return stranger


def basic(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_without_operators_there_is_no_workbench(store, queue):
    http = create_app(make_settings(operators={}), store=store, queue=queue).test_client()
    for page in ("/monitor/", "/monitor/login", "/monitor/overview.json"):
        assert http.get(page).status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_a_page_sends_a_stranger_to_sign_in(browser, page):
    answer = browser.http.get(page)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/monitor/login?next=")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_stranger_can_do_nothing(browser, dlq, action):
    answer = browser.http.post(action, data={"csrf_token": browser.token(), "all": "1", "reason": "r", "canaries": "5"})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/monitor/login")
    assert (dlq.repairs.planned, dlq.repairs.ran, dlq.scans) == ([], [], 0)


def test_an_operator_signs_in_and_comes_to_the_page_that_was_asked_for(browser):
    answer = browser.sign_in(to="/monitor/dlq?since=x")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/monitor/dlq?since=x")
    assert browser.http.get("/monitor/dlq").status_code == 200


def test_who_is_signed_in_is_not_asked_again(browser):
    browser.sign_in()
    assert browser.http.get("/monitor/login").headers["Location"] == "/monitor/"


@pytest.mark.parametrize(
    ("name", "password"), [("ada", "wrong"), ("eve", PASSWORD), ("", ""), ("ada", ""), ("ädå", "☕")]
)
def test_nobody_else_signs_in(browser, name, password):
    answer = browser.sign_in(name, password)
    assert answer.status_code == 401
    assert browser.http.get("/monitor/").status_code == 303


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/monitor//evil.example",
        "/monitor/\\evil.example",
        "/monitor/..\\..\\evil",
        "\\\\evil.example",
        "/api/v1/orders",
        "/monitor/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/monitorish/",
        "/monitor/" + "x" * 3000,
    ],
)
def test_signing_in_leads_nowhere_else(browser, elsewhere):
    assert browser.sign_in(to=elsewhere).headers["Location"] == "/monitor/"


def test_signing_out_ends_the_session(browser):
    browser.sign_in()
    answer = browser.http.post("/monitor/logout", data={"csrf_token": browser.token("/monitor/dlq")})
    assert answer.headers["Location"] == "/monitor/login"
    assert browser.http.get("/monitor/").status_code == 303


def test_a_link_signs_nobody_out(browser):
    browser.sign_in()
    assert browser.http.get("/monitor/logout").status_code == 404
    assert browser.http.get("/monitor/dlq").status_code == 200


class TestGuessing:
    def test_after_five_failures_the_right_password_is_not_taken_either(self, browser):
        for _ in range(MAX_FAILURES):
            assert browser.sign_in(password="wrong").status_code == 401
        answer = browser.sign_in()
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= WINDOW

    def test_another_operator_at_the_same_address_may_still_sign_in(self, make_app):
        browser = Browser(make_app(operators={"ada": PASSWORD, "bob": "another-password-of-tests"}))
        for _ in range(MAX_FAILURES + 1):
            browser.sign_in(password="wrong")
        assert browser.sign_in("bob", "another-password-of-tests").status_code == 303

    def test_basic_counts_as_well(self, browser):
        answers = [browser.http.get("/monitor/overview.json", headers=basic("ada", "wrong")) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401] * MAX_FAILURES + [429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert browser.sign_in().status_code == 429

    def test_the_window_passes(self):
        now = [0.0]
        operators = Operators({"ada": PASSWORD}, "secret", clock=lambda: now[0])
        for _ in range(MAX_FAILURES):
            assert operators.identify("ada", "wrong", "address") is None
        with pytest.raises(TooManyFailures) as refused:
            operators.identify("ada", PASSWORD, "address")
        now[0] += refused.value.retry_after
        assert operators.identify("ada", PASSWORD, "address") == "ada"

    def test_success_does_not_count(self):
        operators = Operators({"ada": PASSWORD}, "secret")
        assert {operators.identify("ada", PASSWORD, "address") for _ in range(200)} == {"ada"}

    def test_many_names_from_one_address_are_too_many_as_well(self):
        operators = Operators({"ada": PASSWORD}, "secret")
        for number in range(MAX_FAILURES_OF_ADDRESS):
            operators.identify(f"name-{number}", "wrong", "address")
        with pytest.raises(TooManyFailures):
            operators.identify("ada", PASSWORD, "address")
        assert operators.identify("ada", PASSWORD, "another address") == "ada"


class TestForgedForms:
    @pytest.mark.parametrize("action", [*ACTIONS, "/monitor/login"])
    @pytest.mark.parametrize("token", [None, "", "x", "☕"])
    def test_a_form_without_the_sessions_token_does_nothing(self, browser, dlq, action, token):
        browser.sign_in()
        form = {"all": "1", "reason": "r", "canaries": "5"} | ({} if token is None else {"csrf_token": token})
        assert browser.http.post(action, data=form).status_code == 403
        assert (dlq.repairs.planned, dlq.repairs.ran, dlq.scans) == ([], [], 0)
        assert browser.http.get("/monitor/dlq").status_code == 200

    def test_anothers_token_is_none_of_mine(self, browser, make_app):
        browser.sign_in()
        other = Browser(make_app()).token()
        assert browser.http.post("/monitor/dlq/scan", data={"csrf_token": other}).status_code == 403

    def test_the_token_changes_with_signing_in(self, browser):
        before = browser.token()
        browser.sign_in()
        assert browser.token("/monitor/dlq") != before

    def test_basic_can_do_nothing(self, browser, dlq):
        form = {"csrf_token": browser.token(), "all": "1", "reason": "r", "canaries": "5"}
        answer = browser.http.post("/monitor/dlq/redrive", data=form, headers=basic("ada", PASSWORD))
        assert answer.status_code == 303
        assert dlq.repairs.planned == []

    def test_nothing_is_done_under_the_address_of_json(self, browser, dlq):
        answer = browser.http.post("/monitor/dlq/redrive.json", data={"all": "1"}, headers=basic("ada", PASSWORD))
        assert answer.status_code in {403, 405}
        assert dlq.repairs.planned == []


class TestJson:
    def test_basic_is_enough_to_read(self, browser):
        answer = browser.http.get("/monitor/dlq.json", headers=basic("ada", PASSWORD))
        assert answer.status_code == 200
        assert answer.json["groups"][0]["count"] == 1

    def test_a_session_is_as_well(self, browser):
        browser.sign_in()
        assert browser.http.get("/monitor/overview.json").status_code == 200

    @pytest.mark.parametrize(
        "headers", [{}, basic("ada", "wrong"), {"Authorization": "Bearer x"}, {"Authorization": "Basic ="}]
    )
    def test_a_stranger_is_told_what_is_needed(self, browser, headers):
        answer = browser.http.get("/monitor/overview.json", headers=headers)
        assert answer.status_code == 401
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")

    def test_basic_opens_no_page(self, browser):
        assert browser.http.get("/monitor/dlq", headers=basic("ada", PASSWORD)).status_code == 303


@pytest.mark.parametrize("page", ["/monitor/login", *PAGES, "/monitor/dlq.json"])
@pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "stranger"])
def test_every_answer_carries_what_browsers_need_to_be_strict(browser, page, signed_in):
    if signed_in:
        browser.sign_in()
    headers = browser.http.get(page).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src", "form-action")} == {"'self'"}
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


def test_its_files_need_no_session_and_may_be_kept(browser):
    for name in ("style.css", "monitor.js", "icon.svg"):
        with browser.http.get(f"/monitor/static/{name}") as answer:
            assert answer.status_code == 200
            assert "no-store" not in answer.headers.get("Cache-Control", "")
