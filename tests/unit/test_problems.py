"""Every error over HTTP is an RFC 9457 problem, and discloses no internals."""

import json
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import ImATeapot

from app import create_app
from app.tokens import issue
from tests.conftest import JWT_SECRET, make_settings
from tests.unit.fakes import BrokenStore, FakeQueue, ForbiddenStore

ORDERS = "/api/v1/orders"
ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": 99.9}

ERRORS = {
    "no such page": (404, "GET", "/nowhere", {}),
    "no such order": (404, "GET", f"{ORDERS}/abc", {}),
    "wrong method": (405, "DELETE", ORDERS, {}),
    "no token": (401, "GET", ORDERS, {"headers": {"Authorization": ""}}),
    "broken JSON": (400, "POST", ORDERS, {"data": "{", "content_type": "application/json"}),
    "too long": (413, "POST", ORDERS, {"data": "x" * 70_000, "content_type": "application/json"}),
    "wrong media type": (415, "POST", ORDERS, {"data": "x", "content_type": "text/plain"}),
    "bad fields": (422, "POST", ORDERS, {"json": {}}),
    "bad query": (422, "GET", f"{ORDERS}?limit=0", {}),
    "no such asset": (404, "GET", "/api/docs/assets/nothing.js", {}),
    "out of the assets": (404, "GET", "/api/docs/assets/../../../../etc/passwd", {}),
}


def assert_problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem = answer.json
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem.keys() <= {"type", "title", "status", "detail", "errors"}
    assert "Traceback" not in answer.text
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_every_error_is_a_problem(api, token, error):
    status, method, url, options = error
    assert_problem(api.open(url, method=method, **{"headers": token()} | options), status)


def test_a_wrong_method_is_told_the_right_ones(api):
    answer = api.delete(ORDERS)
    assert {method.strip() for method in answer.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS", "POST"}


def test_the_problem_of_a_bad_field_says_what_is_wrong_with_it(api, token):
    problem = api.post(ORDERS, json=ORDER | {"quantity": 0}, headers=token()).json
    [error] = problem["errors"]
    assert error["field"] == "quantity"
    assert "1" in error["detail"]
    assert "100000" in error["detail"]


def test_only_bad_fields_have_a_list_of_errors(api):
    assert "errors" not in api.get("/nowhere").json


@pytest.mark.parametrize("key", ["\ud800", "a.b", "☕", "\x00", "<script>"])
def test_a_key_of_any_characters_can_be_named(api, token, key):
    answer = api.post(ORDERS, data=json.dumps(ORDER | {key: 1}), content_type="application/json", headers=token())
    assert_problem(answer, 422)
    assert len(answer.json["errors"]) == 1


def test_an_unexpected_error_is_a_problem_that_tells_nothing(queue, identity, token):
    api = create_app(make_settings(), store=BrokenStore(), queue=queue).test_client()
    answer = api.get(f"{ORDERS}/{identity.issue(1)}", headers=token())
    assert_problem(answer, 500)
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text


def test_an_unexpected_error_of_the_queue_is_no_acceptance(api, queue, token):
    queue.error = RuntimeError("a secret detail of the inside")
    answer = api.post(ORDERS, json=ORDER, headers=token())
    assert_problem(answer, 500)
    assert "secret" not in answer.text


def test_an_error_that_flask_has_a_name_for_keeps_its_status(app):
    @app.get("/teapot")
    def teapot():
        raise ImATeapot

    assert_problem(app.test_client().get("/teapot"), 418)


def test_a_redirect_is_no_error(api):
    answer = api.get("/api//docs")
    assert answer.status_code == 308
    assert answer.headers["Location"].endswith("/api/docs")


def test_a_request_id_is_on_errors_as_well(api):
    assert api.get("/nowhere", headers={"X-Request-ID": "an-id"}).headers["X-Request-ID"] == "an-id"


posting = create_app(make_settings(), store=ForbiddenStore(), queue=FakeQueue()).test_client()
bearer = f"Bearer {issue(JWT_SECRET, 1, ['orders:write'], timedelta(hours=1))}"


@given(body=st.binary() | st.dictionaries(st.text(), st.none() | st.text() | st.integers()).map(json.dumps))
def test_any_body_is_answered_with_a_problem_or_202(body):
    headers = {"Authorization": bearer, "Content-Type": "application/json"}
    answer = posting.post(ORDERS, data=body, headers=headers)
    if answer.status_code != 202:
        assert answer.status_code in {400, 422}
        assert_problem(answer, answer.status_code)


@pytest.mark.parametrize(
    "path", ["/healthz", "/api/docs", "/api/openapi.json", "/api/v1/orders", "/nowhere", "/monitor/login"]
)
def test_every_answer_may_be_shown_and_nothing_more(api, path):
    headers = api.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_only_the_docs_own_scripts_run_and_only_what_the_page_loads_is_served(api):
    page = api.get("/api/docs")
    assert "script-src 'self' 'sha256-" in page.headers["Content-Security-Policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 3
    for path in loaded:
        with api.get(path) as asset:
            assert asset.status_code == 200
    for name in ("index.html", "oauth2-redirect.html", "swagger-ui.js", "swagger-ui-bundle.js.map"):
        assert api.get(f"/api/docs/assets/{name}").status_code == 404
