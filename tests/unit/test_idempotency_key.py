"""POST /api/v1/orders with an Idempotency-Key: the same order is the same answer, another one is refused by name."""

import threading
import time

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app import create_app
from app.following import keys, lookup
from orders.store import OrderStore
from tests.conftest import make_settings
from tests.unit.samples import an_arrival

URL = "/api/v1/orders"
ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": 99.9}


@pytest.fixture
def post(api, token):
    """A function that posts with a key as user 7."""
    return poster(api, token)


def poster(api, token):
    def send(user_id=7, key="a-key", **changes):
        return api.post(URL, json=ORDER | changes, headers=token(user_id) | {"Idempotency-Key": key})

    return send


@pytest.fixture
def another_process(store, queue, token):
    """A function that posts to another process of web."""
    return poster(create_app(make_settings(), store=store, queue=queue).test_client(), token)


def is_refused(answer):
    [error] = answer.json["errors"]
    assert "a-key" in error["detail"]
    return (answer.status_code, error["field"]) == (422, "Idempotency-Key")


class SlowStore:
    """A store that answers when it is let, as a database that is frozen, locked or behind a name server that is."""

    def __init__(self):
        self.asked = 0
        self.answering = threading.Event()

    def get(self, order_id):
        self.asked += 1
        assert self.answering.wait(10), "somebody waits for the answer"
        raise OperationalError("SELECT", {}, Exception("gone"))

    def reachable(self):
        return False


@pytest.fixture
def slow_store():
    store = SlowStore()
    yield store
    store.answering.set()


def test_the_same_key_and_content_is_the_same_answer(post, queue):
    first, second = post(), post()
    assert (first.status_code, first.json, first.headers["Location"]) == (
        second.status_code,
        second.json,
        second.headers["Location"],
    )
    assert len({order for order, _ in queue.sent}) == 1  # the time included


def test_another_users_key_names_another_order(post):
    assert post(7).json["orderId"] != post(8).json["orderId"]


@pytest.mark.parametrize("change", [{"quantity": 3}, {"productName": "Gadget"}, {"totalPrice": 99.91}])
def test_another_order_under_the_key_of_one_that_waits_is_refused_by_name(post, queue, change):
    post()
    assert is_refused(post(**change))
    assert len(queue.sent) == 1


def test_another_order_under_the_key_of_a_stored_one_is_refused_by_every_process(post, another_process, queue, store):
    first = post()
    store.persist([an_arrival(queue.sent[0][0])])
    queue.sent.clear()
    assert is_refused(another_process(quantity=3))
    same = another_process()
    assert (same.status_code, same.json) == (202, first.json)
    assert queue.sent == []  # it is stored already


def test_what_is_stored_counts_before_what_a_process_remembers(post, another_process, queue, store):
    post()
    assert another_process(quantity=3).status_code == 202  # nothing is stored, and the other process knows nothing
    store.persist([an_arrival(queue.sent[1][0])])
    assert is_refused(post())
    assert post(quantity=3).status_code == 202


def test_an_order_that_was_not_confirmed_lays_no_claim_to_its_key(post, queue):
    queue.refuse()
    refused = post()
    assert refused.status_code == 503
    queue.error = None
    assert post(quantity=3).status_code == 202
    assert is_refused(post())


def test_an_order_repeated_after_a_failure_is_the_same_order(post, queue):
    accepted = post().json["orderId"]
    queue.refuse()
    assert post().status_code == 503
    queue.error = None
    assert post().json["orderId"] == accepted


def test_as_many_orders_are_remembered_as_a_process_has_room_for(post, monkeypatch):
    monkeypatch.setattr(keys, "REMEMBERED", 1)
    post()
    post(key="another")
    assert post(quantity=3).status_code == 202


def test_a_database_without_an_answer_delays_one_order_and_stops_none(slow_store, queue, token):
    post = poster(create_app(make_settings(), store=slow_store, queue=queue).test_client(), token)
    assert post().status_code == 202
    assert not slow_store.answering.is_set()  # so nothing has waited for it
    assert slow_store.asked == 1
    assert is_refused(post(quantity=3))  # this process knows
    assert post(key="another").status_code == 202
    assert slow_store.asked == 1


def test_the_database_is_asked_again_after_a_pause(store, slow_store, monkeypatch):
    monkeypatch.setattr(lookup, "PAUSE", 0.0)
    asked = lookup.LookUp(slow_store)
    for _ in range(3):
        with pytest.raises(lookup.Unanswered):
            asked.stored(None)
    assert slow_store.asked == 3


def test_a_key_costs_one_statement_and_an_order_without_one_none(engine, api, post, token):
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    api.post(URL, json=ORDER, headers=token())
    assert statements == []
    post()
    assert len(statements) == 1


def test_a_look_up_ends_in_time_whatever_the_pool_does(engine, monkeypatch):
    monkeypatch.setattr(lookup, "DEADLINE", 0.001)

    def hang(*_):
        time.sleep(0.2)

    event.listen(engine, "checkout", hang)
    with pytest.raises(lookup.Unanswered):
        lookup.LookUp(OrderStore(engine)).stored("no-id")
