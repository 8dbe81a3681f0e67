"""The API keeps the promises of its own description."""

import dataclasses
import re
from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from app import create_app
from app.following import Waits
from app.services import Services
from app.tokens import issue
from orders.database import connect
from orders.store import OrderStore
from tests import mariadb
from tests.conftest import JWT_SECRET, make_settings
from tests.unit.fakes import FakeQueue
from tests.unit.samples import an_arrival, an_order

DESCRIPTION = "/api/openapi.json"
DOCS = "/api/docs"
ORDERS = "/api/v1/orders"
ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": 99.9}
USER_ID = 1

#: What each operation may answer. An unforeseen error apart, there is nothing else.
ANSWERS = {
    ("post", ORDERS): {"200", "202", "400", "401", "403", "413", "415", "422", "503"},
    ("get", ORDERS): {"200", "401", "403", "422", "503"},
    ("get", f"{ORDERS}/{{order_id}}"): {"200", "401", "403", "404", "422", "503"},
    ("get", "/healthz"): {"200"},
    ("get", "/readyz"): {"200", "503"},
}

api = schemathesis.openapi.from_wsgi(DESCRIPTION, create_app(make_settings(), queue=FakeQueue()))
# Every request has a good token. The check `ignored_auth` sends it again without one, and with a bad one.
api.config.generation.update(with_security_parameters=False)


def an_application(store, queue=None):
    app = create_app(make_settings(), store=store, queue=queue or FakeQueue())
    # No worker runs, and many generated requests prefer to wait.
    waits = Waits(store, 100, longest=0.05)
    app.extensions[Services.NAME] = dataclasses.replace(app.extensions[Services.NAME], waits=waits)
    return app


def bearer(*scopes):
    return {"Authorization": f"Bearer {issue(JWT_SECRET, USER_ID, list(scopes), timedelta(hours=1))}"}


EVERYTHING = bearer("orders:read", "orders:write")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with some orders."""
    url = f"sqlite:///{tmp_path_factory.mktemp('openapi')}/orders.db"
    mariadb.migrate(url)
    engine = connect(url)
    store = OrderStore(engine)
    store.persist([an_arrival(an_order(user_id=USER_ID)) for _ in range(3)])
    yield store
    engine.dispose()


@pytest.fixture(scope="module")
def application(store):
    return an_application(store)


@api.parametrize()
@settings(max_examples=30, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_any_request_is_answered_as_described(case, application):
    # OpenAPI cannot say which texts are cursors: only those from an earlier page are.
    # Nor which keys are new: one that has named another order is refused.
    left_out = [positive_data_acceptance] if "cursor" in case.query or "Idempotency-Key" in case.headers else []
    case.call_and_validate(app=application, headers=EVERYTHING, excluded_checks=left_out)


@api.parametrize()
@settings(max_examples=10, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_any_request_with_a_key_whose_client_waits_is_answered_as_described(case, application):
    headers = EVERYTHING | {"Prefer": "wait=30", "Idempotency-Key": uuid4().hex}
    # A bad key is replaced by a good one, too.
    left_out = [negative_data_rejection, *([positive_data_acceptance] if "cursor" in case.query else [])]
    case.call_and_validate(app=application, headers=headers, excluded_checks=left_out)


def validated(application, method, path, *, headers=EVERYTHING, expected, **parts):
    """The answer to one request, which must have a status and be as described for it."""
    case = api[path][method].Case(**parts)
    answer = case.call(app=application, headers=headers)
    assert answer.status_code == expected
    # An outage is foreseen and described, so a 503 is no bug here.
    case.validate_response(
        answer, excluded_checks=[not_a_server_error, ignored_auth], transport_kwargs={"app": application}
    )
    return answer.json()


def test_an_order_is_returned_as_described_in_each_of_its_states(application, store):
    accepted = validated(application, "POST", ORDERS, expected=202, body=ORDER, media_type="application/json")
    path = f"{ORDERS}/{{order_id}}"
    for order_id, state in [
        (accepted["orderId"], "queued"),
        (str(store.newest(USER_ID, 1)[0].order.order_id), "persisted"),
    ]:
        answer = validated(application, "GET", path, expected=200, path_parameters={"order_id": order_id})
        assert (answer["orderId"], answer["state"]) == (order_id, state)


def test_whoever_waits_is_answered_as_described(store):
    application, other_user = an_application(store), issue(JWT_SECRET, 2, ["orders:write"], timedelta(hours=1))
    waiting = {"Authorization": f"Bearer {other_user}", "Prefer": "wait=10"}
    posted = {"body": ORDER, "media_type": "application/json"}
    key = waiting | {"Idempotency-Key": "waited-for"}
    accepted = validated(application, "POST", ORDERS, headers=key, expected=202, **posted)
    path, of_it = f"{ORDERS}/{{order_id}}", {"path_parameters": {"order_id": accepted["orderId"]}}
    assert validated(application, "GET", path, headers=waiting, expected=200, **of_it)["state"] == "queued"
    order = an_order(user_id=2, order_id=UUID(accepted["orderId"]), total_price=Decimal("99.90"))
    store.persist([an_arrival(dataclasses.replace(order, product_name="Widget", quantity=2))])
    assert validated(application, "POST", ORDERS, headers=key, expected=200, **posted)["state"] == "persisted"
    assert validated(application, "GET", path, headers=waiting, expected=200, **of_it)["state"] == "persisted"
    posted["body"] = ORDER | {"quantity": 3}
    refused = validated(application, "POST", ORDERS, headers=key, expected=422, **posted)
    assert [error["field"] for error in refused["errors"]] == ["Idempotency-Key"]


def test_every_answer_of_an_order_has_an_example_that_is_as_described(application):
    description = application.test_client().get(DESCRIPTION).json
    seen = []
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if not path.startswith(ORDERS) or method == "parameters":
                continue
            for status, given in operation["responses"].items():
                name = given.get("$ref", "").rsplit("/", 1)[-1]
                response = description["components"]["responses"][name] if name else given
                [content] = response["content"].values()
                examples = content.get("examples") or {"": {"value": content["example"]}}
                schema = {**content["schema"], "components": description["components"]}
                for example in examples.values():
                    jsonschema_rs.validate(schema, example["value"])
                    seen.append((method, status))
    assert {("post", "200"), ("post", "202"), ("post", "422"), ("get", "200"), ("get", "404")} <= set(seen)


def test_pages_are_returned_as_described(application):
    first = validated(application, "GET", ORDERS, expected=200, query={"limit": 2})
    cursor = parse_qs(urlsplit(first["next"]).query)["cursor"][0]
    last = validated(application, "GET", ORDERS, expected=200, query={"limit": 2, "cursor": cursor})
    assert (len(first["orders"]), len(last["orders"]), last["next"]) == (2, 1, None)


def test_a_refusal_is_returned_as_described(application):
    validated(application, "GET", ORDERS, headers={}, expected=401)
    validated(application, "GET", ORDERS, headers=bearer("profile"), expected=403)
    long = ORDER | {"productName": "x" * 70_000}
    validated(application, "POST", ORDERS, expected=413, body=long, media_type="application/json")


def described_parameters(client):
    return client.get(DESCRIPTION).json["paths"][ORDERS]["post"]["parameters"]


@pytest.mark.parametrize("key", ["a-key", "!~", "x" * 255, "", "two words", "x" * 256])
def test_an_idempotency_key_is_described_as_it_is_checked(application, key):
    client = application.test_client()
    [described] = [parameter for parameter in described_parameters(client) if parameter["name"] == "Idempotency-Key"]
    assert (described["in"], described["name"], described["required"]) == ("header", "Idempotency-Key", False)
    answer = client.post(ORDERS, json=ORDER, headers=EVERYTHING | {"Idempotency-Key": key})
    assert answer.status_code == (202 if re.search(described["schema"]["pattern"], key) else 422)


def test_an_outage_is_told_as_described(store):
    queue = FakeQueue()
    queue.answers = False
    queue.refuse()
    without_queue = an_application(store, queue)
    validated(without_queue, "POST", ORDERS, expected=503, body=ORDER, media_type="application/json")
    validated(without_queue, "GET", "/readyz", expected=503)
    nobody = "mysql+pymysql://orders@127.0.0.1:1/orders"
    without_database = create_app(make_settings(database_url=nobody), queue=FakeQueue())
    validated(without_database, "GET", ORDERS, expected=503)


def test_every_answer_is_described_and_errors_are_problems(application):
    description = application.test_client().get(DESCRIPTION).json
    described = {
        (method, path): operation["responses"]
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    }
    assert {operation: set(responses) for operation, responses in described.items()} == ANSWERS
    for responses in described.values():
        for status, response in responses.items():
            if int(status) >= 400:
                name = response["$ref"].rsplit("/", 1)[-1]
                assert list(description["components"]["responses"][name]["content"]) == ["application/problem+json"]


def test_only_operations_with_a_token_name_one(application):
    paths = application.test_client().get(DESCRIPTION).json["paths"]
    guarded = {(method, path) for method, path in ANSWERS if paths[path][method].get("security") == [{"bearer": []}]}
    assert guarded == {operation for operation, statuses in ANSWERS.items() if "401" in statuses}


def test_the_docs_page_and_all_that_it_loads_come_from_us(application):
    client = application.test_client()
    page = client.get(DOCS)
    assert page.status_code == 200
    assert page.mimetype == "text/html"
    assert "//" not in page.text.replace("</", "")
    assert DESCRIPTION in page.text
    assert '"validatorUrl": null' in page.text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) == 3
    for asset in assets:
        with client.get(asset) as answer:
            assert answer.status_code == 200, asset
            assert answer.mimetype in {"text/css", "text/javascript"}
            assert answer.content_length > 0
