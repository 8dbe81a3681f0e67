"""GET /api/v1/orders/{id}: what became of an order, for its owner alone."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from app import create_app
from orders.attempt import FailedAttempt
from orders.database import connect
from orders.store import OrderStore
from tests.conftest import make_settings
from tests.unit.samples import ACCEPTED_AT, an_arrival, an_order

URL = "/api/v1/orders"
ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": 99.9}


@pytest.fixture
def get(api, token):
    """A function that asks for an order as user 7."""

    def ask(order_id, user_id=7):
        return api.get(f"{URL}/{order_id}", headers=token(user_id))

    return ask


@pytest.fixture
def fail(store):
    """A function that records a failed attempt at an order."""

    def record(order_id, receive_count, final):
        attempt = FailedAttempt(
            order_id=order_id,
            task="persist_order",
            task_id="a-task",
            message_id=f"message-of-{order_id}",
            kind="own",
            error_class="ValueError",
            message="a message",
            traceback="a traceback",
            receive_count=receive_count,
            worker="worker@test",
            final=final,
            failed_at=datetime.now(UTC),
            next_visible_at=datetime.now(UTC),
        )
        store.record_attempt(attempt)

    return record


def test_an_accepted_order_that_no_worker_has_seen_is_queued(api, get, token):
    accepted = api.post(URL, json=ORDER, headers=token(7))
    answer = api.get(accepted.headers["Location"], headers=token(7))
    assert answer.status_code == 200
    assert answer.json == {
        "orderId": accepted.json["orderId"],
        "status": "pending",
        "state": "queued",
        "attempts": 0,
    }


def test_an_order_that_failed_and_will_run_again_is_retrying(get, identity, fail):
    order_id = identity.issue(7)
    fail(order_id, 1, final=False)
    fail(order_id, 2, final=False)
    assert (get(order_id).json["state"], get(order_id).json["attempts"]) == ("retrying", 2)


def test_an_order_that_failed_for_the_last_time_is_dead(get, identity, fail):
    order_id = identity.issue(7)
    for receive_count in (1, 2, 3):
        fail(order_id, receive_count, final=receive_count == 3)
    assert (get(order_id).json["state"], get(order_id).json["attempts"]) == ("dead", 3)


def test_an_order_in_the_table_is_persisted_and_told_in_full(get, store):
    order = an_order(user_id=7, product_name="Ünïcode ☕", total_price=Decimal("99.90"))
    store.persist([an_arrival(order, attempts=2)])
    answer = get(order.order_id)
    body = answer.json
    assert ACCEPTED_AT < datetime.fromisoformat(body.pop("persistedAt")) <= datetime.now(UTC)
    assert body == {
        "orderId": str(order.order_id),
        "status": "pending",
        "state": "persisted",
        "attempts": 2,
        "userId": 7,
        "productName": "Ünïcode ☕",
        "quantity": 2,
        "totalPrice": 99.9,
        "timestamp": "2026-01-24T12:00:00.000Z",
    }
    assert '"totalPrice":99.90' in answer.text


def test_an_order_that_failed_first_and_was_stored_then_is_persisted(get, store, identity, fail):
    order = an_order(order_id=identity.issue(7), user_id=7)
    fail(order.order_id, 1, final=False)
    store.persist([an_arrival(order, attempts=2)])
    assert get(order.order_id).json["state"] == "persisted"


def test_an_order_of_another_producer_is_found_once_it_is_stored(get, store):
    order = an_order(user_id=7, order_id=uuid4())
    assert get(order.order_id).status_code == 404
    store.persist([an_arrival(order)])
    assert get(order.order_id).status_code == 200


def test_an_id_is_understood_in_either_case(get, identity):
    order_id = identity.issue(7)
    assert get(str(order_id).upper()).json["orderId"] == str(order_id)


def test_an_id_that_was_never_issued_is_not_found(get):
    assert get(uuid4()).status_code == 404


def test_somebody_elses_order_is_not_found_before_it_is_stored_nor_after(get, store, identity, fail):
    order = an_order(order_id=identity.issue(8), user_id=8)
    assert get(order.order_id).status_code == 404
    fail(order.order_id, 1, final=True)
    assert get(order.order_id).status_code == 404
    store.persist([an_arrival(order)])
    assert get(order.order_id).status_code == 404
    assert get(order.order_id, user_id=8).status_code == 200


def test_somebody_elses_order_looks_like_one_that_does_not_exist(get, store):
    order = an_order(user_id=8)
    store.persist([an_arrival(order)])
    theirs, nobodys = get(order.order_id), get(uuid4())
    assert theirs.json == nobodys.json
    assert list(theirs.headers.keys()) == list(nobodys.headers.keys())


@pytest.mark.parametrize(
    "order_id",
    [
        "1",
        "abc",
        "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        "1b4e28ba2fa14d2b883f0016d3cca427",
        "%00",
        "☕",
        "' OR 1=1",
        "x" * 5000,
    ],
)
def test_an_id_that_is_no_order_id_is_not_found(get, order_id):
    assert get(order_id).status_code == 404


def test_a_parameter_of_the_query_is_refused_by_its_name(api, identity, token):
    answer = api.get(f"/api/v1/orders/{identity.issue(7)}?wait=10", headers=token(7))
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"field": "wait", "detail": "Unknown field."}]


@pytest.fixture(params=["no tables", "nobody listens"])
def api_without_database(request, tmp_path, queue):
    """The application with a database that cannot be used."""
    urls = {
        "no tables": f"sqlite:///{tmp_path}/empty.db",
        "nobody listens": "mysql+pymysql://orders@127.0.0.1:1/orders",
    }
    engine = connect(urls[request.param])
    yield create_app(make_settings(), store=OrderStore(engine), queue=queue).test_client()
    engine.dispose()


def test_orders_cannot_be_read_while_the_database_is_down(api_without_database, identity, token):
    for url in (URL, f"{URL}/{identity.issue(7)}"):
        answer = api_without_database.get(url, headers=token(7))
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.content_type == "application/problem+json"


def test_orders_are_accepted_while_the_database_is_down(api_without_database, token, queue):
    assert api_without_database.post(URL, json=ORDER, headers=token(7)).status_code == 202
    assert len(queue.sent) == 1


def test_a_malformed_id_is_not_found_even_while_the_database_is_down(api_without_database, token):
    assert api_without_database.get(f"{URL}/abc", headers=token(7)).status_code == 404
