"""The workbench of an app that has nothing but the framework: no words, no history and no hooks of its own."""

import dataclasses
import re

import pytest
from flask import Flask, abort, redirect, session

from celery_sqs.dlq import DryRun
from celery_sqs.errors import Misconfigured
from celery_sqs.workbench import Words, blueprint, create_app
from celery_sqs.workbench.parts import Parts
from celery_sqs.workbench.runs import Runs
from tests.shop import SEND_MAIL, bury, make_shop
from tests.unit.workbench.fakes import PASSWORD, Browser, FakeDlq

SECRET = "a secret of the tests that is long enough"
OPERATORS = {"ada": PASSWORD}

PAGES = [
    "/",
    "/tasks",
    "/tasks/task-of-m1",
    "/queues",
    "/dlq",
    "/dlq/messages",
    "/dlq/messages/m1",
    "/dlq/dry-run?all=1",
    "/dlq/redrive?all=1",
    "/dlq/discard?message=m1",
    "/dlq/messages/m1/edit",
    "/repairs",
]


@pytest.fixture
def shop(tmp_path):
    app = make_shop(tmp_path)
    bury(app, "m1")
    return app


@pytest.fixture
def serve():
    """A function that registers a workbench in a Flask application; returns that."""
    served = []

    def serve(made, host=None):
        host = host or Flask("host", static_folder=None)
        host.register_blueprint(made)
        served.append(host)
        return host

    yield serve
    for host in served:
        host.extensions[Parts.NAME].dlq.engine.dispose()


@pytest.fixture
def app(shop):
    app = create_app(shop, SECRET, OPERATORS, https_only=False)
    yield app
    app.extensions[Parts.NAME].dlq.engine.dispose()


@pytest.fixture
def browser(app):
    browser = Browser(app, prefix="")
    assert browser.sign_in().status_code == 303
    return browser


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_there_at_the_root_and_speaks_of_tasks(browser, page):
    answer = browser.http.get(page)
    assert answer.status_code == 200, answer.text
    assert re.search(r"<title>[^<]+ · Shop workbench</title>", answer.text)
    assert "order" not in re.sub("<[^>]*>", "", answer.text).lower()


def test_a_task_is_found_by_its_id_and_says_that_it_is_dead(browser):
    answer = browser.http.get("/tasks?q=task-of-m1", follow_redirects=True)
    assert answer.request.path == "/tasks/task-of-m1"
    assert "Dead: in the DLQ" in answer.text
    assert browser.http.get("/tasks/task-of-m1.json").json["timeline"]["state"] == "dead"


def test_dead_messages_lead_to_their_tasks(browser):
    assert 'href="/tasks/task-of-m1"' in browser.http.get("/dlq/messages").text
    assert 'href="/tasks/task-of-m1"' in browser.http.get("/dlq/messages/m1").text


def test_nothing_is_wrong_with_a_message_before_it_is_edited(browser):
    assert browser.http.get("/dlq/messages/m1/edit.json").json["errors"] == {}


def test_a_message_that_was_not_changed_is_not_sent(browser, app):
    answer = browser.send("/dlq/messages/m1/edit", body='[["Dear Ada"], {}, {}]', step="send", reason="r")
    assert (answer.status_code, "nothing is changed" in answer.text) == (422, True)
    assert app.extensions[Parts.NAME].dlq.repairs.latest(1) == []


def test_what_a_dry_run_refuses_is_not_sent(shop, browser, app):
    shop.tasks[SEND_MAIL].__class__.dry_run = lambda self, calls: [refused(call) for call in calls]
    answer = browser.send("/dlq/messages/m1/edit", body='[["Dear Bob"], {}, {}]', step="send", reason="r")
    assert answer.status_code == 422
    assert "no mail to Bob" in answer.text
    assert app.extensions[Parts.NAME].dlq.repairs.latest(1) == []


def refused(call):
    return DryRun(accepted="Bob" not in call.args[0], why="no mail to Bob")


def test_below_another_path_of_a_server_it_finds_its_pages(app):
    http = app.test_client()
    answer = http.get("/dlq?since=x", base_url="http://localhost/ops")
    assert answer.headers["Location"] == "/ops/login?next=/ops/dlq?since%3Dx"
    form = http.get(answer.headers["Location"].removeprefix("/ops"), base_url="http://localhost/ops")
    assert 'name="next" value="/ops/dlq?since=x"' in form.text
    assert "Path=/ops;" in form.headers["Set-Cookie"]


class TestInAHost:
    """In somebody's own Flask application."""

    @pytest.fixture
    def host(self):
        host = Flask("host", static_folder=None)
        host.secret_key = "the host's own"

        @host.get("/hello")
        def hello():
            session["visits"] = session.get("visits", 0) + 1
            return str(session["visits"])

        host.add_template_filter(lambda value: "of the host", "number")
        return host

    def test_its_session_filters_and_pages_are_its_own(self, shop, serve, host):
        serve(blueprint(shop, SECRET, OPERATORS, https_only=False), host)
        browser = Browser(host, prefix="/workbench")
        assert browser.http.get("/hello").text == "1"
        browser.sign_in()
        assert browser.http.get("/hello").text == "2"
        assert "of the host" not in browser.http.get("/workbench/dlq").text
        assert browser.http.get("/workbench/dlq").status_code == 200
        assert host.jinja_env.from_string("{{ 1 | number }}").render() == "of the host"
        assert browser.http.get("/nowhere").status_code == 404

    def test_its_login_decides_who_may_and_under_which_name(self, shop, serve, host):
        asked = []
        serve(blueprint(shop, SECRET, who=lambda: asked[-1]), host)
        http = Browser(host, prefix="/workbench").http
        asked.append(None)
        assert http.get("/workbench/dlq").status_code == 403
        asked.append("grace")
        text = http.get("/workbench/dlq").text
        assert ">grace</span>" in text
        assert "Sign out" not in text

    def test_what_is_done_is_on_record_under_the_name_that_its_login_gives(self, shop, serve, host):
        serve(blueprint(shop, SECRET, who=lambda: "grace", https_only=False), host)
        parts = host.extensions[Parts.NAME]
        host.extensions[Parts.NAME] = dataclasses.replace(parts, runs=Runs(FakeDlq()))
        form = {"message": "m1", "reason": "spam", "sure": "yes"}
        assert host.test_client().post("/workbench/dlq/discard", data=form).status_code == 403
        assert Browser(host, "/workbench").send("/workbench/dlq/discard", **form).status_code == 303
        [repair] = parts.dlq.repairs.latest(2)
        assert (repair.action, repair.operator) == ("discard", "grace")

    def test_its_login_may_answer_by_itself(self, shop, serve, host):
        serve(blueprint(shop, SECRET, who=lambda: abort(redirect("/sign-in-here"))), host)
        answer = host.test_client().get("/workbench/dlq")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in-here")

    def test_with_its_login_nobody_signs_in_here(self, shop, serve, host):
        serve(blueprint(shop, SECRET, who=lambda: None), host)
        assert host.test_client().get("/workbench/login").status_code == 404

    def test_its_words_name_pages_and_addresses(self, shop, serve):
        words = Words(singular="parcel", plural="parcels", done="shipped", proof="the receipt")
        browser = Browser(serve(blueprint(shop, SECRET, OPERATORS, words=words, https_only=False)), "/workbench")
        browser.sign_in()
        overview = browser.http.get("/workbench/").text
        assert "Shipped within, p50" in overview
        assert 'href="/workbench/parcels"' in overview
        assert browser.http.get("/workbench/overview.json").json["totals"].keys() >= {"accepted", "shipped"}
        assert "only once the receipt is on record" in browser.http.get("/workbench/dlq/redrive?all=1").text


class TestWhatIsMissing:
    @pytest.mark.parametrize(("secret", "operators"), [("", OPERATORS), (SECRET, {}), (SECRET, None)])
    def test_without_a_secret_or_anybody_who_may_there_is_none(self, shop, secret, operators):
        with pytest.raises(ValueError, match="needs a secret, and operators"):
            blueprint(shop, secret, operators)

    def test_without_the_monitors_database_it_says_so(self, tmp_path):
        app = make_shop(tmp_path)
        app.conf.sqs_monitor_database = None
        with pytest.raises(Misconfigured, match="sqs_monitor_database"):
            blueprint(app, SECRET, OPERATORS)

    def test_an_unknown_queue_is_named(self, shop):
        with pytest.raises(Misconfigured, match="nowhere"):
            blueprint(shop, SECRET, OPERATORS, queue="nowhere")
