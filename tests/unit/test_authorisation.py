"""Who may call what: no token, a bad one, one that allows something else."""

from datetime import timedelta

import pytest

from app import create_app
from tests.conftest import make_settings

ORDERS = "/api/v1/orders"
ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": 99.9}

GUARDED = [("POST", ORDERS), ("GET", ORDERS), ("GET", f"{ORDERS}/1b4e28ba-2fa1-4d2b-883f-0016d3cca427")]


@pytest.mark.parametrize(("method", "url"), GUARDED)
@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token abc", 'Digest a="b", c="d"']
)
def test_a_request_without_a_bearer_token_is_challenged(api, method, url, header):
    answer = api.open(url, method=method, headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json["detail"] == "A bearer token is needed."


@pytest.mark.parametrize("first", ["Basic dXNlcjpwYXNz", "Bearer abc", None])
def test_two_authorization_headers_are_challenged_and_told_so(api, token, first):
    good = token()["Authorization"]
    answer = api.get(ORDERS, headers=[("Authorization", first or good), ("Authorization", good)])
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["detail"] == "There must be one Authorization header, with one bearer token."


@pytest.mark.parametrize(("method", "url"), GUARDED)
def test_a_bad_token_is_challenged_and_told_why(api, token, method, url):
    answer = api.open(url, method=method, headers=token(lifetime=timedelta(minutes=-5)))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert "expired" in answer.json["detail"]


def test_a_token_of_somebody_elses_making_is_challenged(api, token):
    assert api.get(ORDERS, headers=token(secret="a-secret-that-this-service-does-not-know")).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_spelt_in_any_case(api, token, scheme):
    header = token()["Authorization"].replace("Bearer", scheme)
    assert api.get(ORDERS, headers={"Authorization": header}).status_code == 200


def test_posting_needs_the_scope_to_write(api, token, queue):
    answer = api.post(ORDERS, json=ORDER, headers=token(scopes=["orders:read"]))
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="orders:write"'
    assert not queue.sent


@pytest.mark.parametrize("scopes", [[], ["orders"], ["orders:"], ["ORDERS:READ"], ["profile", "email"]])
def test_reading_needs_a_scope_of_orders(api, token, scopes):
    answer = api.get(ORDERS, headers=token(scopes=scopes))
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("scopes", [["orders:read"], ["orders:write"], ["orders:read", "profile"]])
def test_either_scope_of_orders_may_read(api, token, scopes):
    assert api.get(ORDERS, headers=token(scopes=scopes)).status_code == 200


def test_who_may_not_post_is_not_told_about_the_body(api, token):
    assert api.post(ORDERS, data="no json", headers=token(scopes=["orders:read"])).status_code == 403


def test_a_token_cannot_be_judged_while_the_provider_is_down(queue, store, token):
    settings = make_settings(jwt_secret=None, jwt_jwks_url="http://127.0.0.1:1/keys")
    api = create_app(settings, store=store, queue=queue).test_client()
    answer = api.post(ORDERS, json=ORDER, headers=token())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert not queue.sent


@pytest.mark.parametrize("url", ["/healthz", "/readyz", "/api/openapi.json", "/api/docs"])
def test_probes_and_documentation_need_no_token(api, url):
    assert api.get(url).status_code == 200
