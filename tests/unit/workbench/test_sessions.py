"""The session of an operator: a cookie of the workbench's own."""

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from celery_sqs.workbench.parts import Parts
from celery_sqs.workbench.sessions import SALT, SIGNED_BY
from config.settings import PRODUCTION
from tests.conftest import make_settings


def test_it_is_kept_from_scripts_other_sites_and_other_pages(stranger):
    cookie = stranger.sign_in().headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/monitor" in cookie
    assert "Secure" not in cookie


def test_in_production_it_travels_over_https_only(make_app):
    http = make_app(app_env=PRODUCTION).test_client()
    cookie = http.get("/monitor/login", base_url="https://intake.example").headers["Set-Cookie"]
    assert "Secure" in cookie


def test_it_ends_when_the_password_changes(stranger, make_app):
    stranger.sign_in()
    cookie = stranger.http.get_cookie("order_intake_operator", path="/monitor")
    for changes, status in (({}, 200), ({"operators": {"ada": "a-new-password-of-hers"}}, 303)):
        http = make_app(**changes).test_client()
        http.set_cookie(cookie.key, cookie.value, path="/monitor")
        assert http.get("/monitor/dlq").status_code == status


def test_it_ends_when_the_secret_changes(stranger, make_app):
    stranger.sign_in()
    cookie = stranger.http.get_cookie("order_intake_operator", path="/monitor")
    http = make_app(order_id_secret="another secret of the tests, and long").test_client()
    http.set_cookie(cookie.key, cookie.value, path="/monitor")
    assert http.get("/monitor/dlq").status_code == 303


def test_it_lasts_twelve_hours_and_not_longer_by_being_used(stranger):
    assert "Max-Age=43200;" in stranger.sign_in().headers["Set-Cookie"]
    assert "Set-Cookie" not in stranger.http.get("/monitor/dlq").headers


@pytest.mark.parametrize(("age", "status"), [(43_100, 200), (43_300, 303)])
def test_a_cookie_that_was_kept_for_longer_is_none(make_app, age, status):
    class Earlier(TimestampSigner):
        def get_timestamp(self):
            return super().get_timestamp() - age

    app = make_app()
    operators = app.extensions[Parts.NAME].operators
    signed = URLSafeTimedSerializer(operators.session_key, salt=SALT, signer=Earlier, signer_kwargs=SIGNED_BY)
    http = app.test_client()
    value = signed.dumps({"operator": "ada", "mark": operators.mark("ada")})
    http.set_cookie("order_intake_operator", value, path="/monitor")
    assert http.get("/monitor/dlq").status_code == status


def test_its_key_is_not_the_secret(make_app):
    key = make_app().extensions[Parts.NAME].operators.session_key
    assert key not in {make_settings().order_id_secret, make_settings().order_id_secret.encode()}
    assert len(key) == 32


def test_the_hosts_own_session_is_left_alone(make_app):
    app = make_app()
    assert (app.secret_key, app.config["SESSION_COOKIE_NAME"]) == (None, "session")


def test_the_api_knows_nothing_of_it(stranger, token):
    answer = stranger.http.get("/api/v1/orders", headers=token())
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")
