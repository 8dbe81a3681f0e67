"""Waiting for an order: a request is told when it is stored or dead, one statement asks for all, and nothing leaks."""

import dataclasses
import threading

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app import create_app
from app.following import WaitRefused, Waits
from app.services import Services
from tests.conftest import make_settings
from tests.dead_orders import a_failure
from tests.polling import poll
from tests.unit.samples import an_arrival, an_order

URL = "/api/v1/orders"
ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": 99.9}
LONG = 20  # seconds; nobody waits so long here
SHORT = 0.3


@pytest.fixture
def get(api, token):
    def ask(order_id, prefer=f"wait={LONG}", user_id=7):
        return api.get(f"{URL}/{order_id}", headers=token(user_id) | {"Prefer": prefer})

    return ask


@pytest.fixture
def post(api, token):
    def send(headers=None, **changes):
        return api.post(URL, json=ORDER | changes, headers=token(7) | {"Prefer": f"wait={LONG}"} | (headers or {}))

    return send


@pytest.fixture
def impatient(app):
    """Nobody waits longer than a moment."""
    services = app.extensions[Services.NAME]
    short = dataclasses.replace(services, waits=Waits(services.store, 100, longest=SHORT))
    app.extensions[Services.NAME] = short
    return short


@pytest.fixture
def later():
    """A function that does something while the test waits."""
    threads = []

    def begin(work):
        threads.append(threading.Timer(SHORT, work))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join()


def waits_of(app):
    return app.extensions[Waits.NAME]


def waiting(app):
    return len(waits_of(app)._waiters)


def test_an_order_is_told_as_soon_as_it_is_stored(app, get, store, identity, later):
    order = an_order(order_id=identity.issue(7), user_id=7)
    later(lambda: store.persist([an_arrival(order)]))
    answer = get(order.order_id)
    assert (answer.json["state"], answer.json["quantity"]) == ("persisted", order.quantity)
    assert answer.headers["Preference-Applied"] == f"wait={LONG}"
    assert waiting(app) == 0


def test_an_order_is_told_as_soon_as_it_is_dead(get, store, identity, later):
    order_id = identity.issue(7)
    later(lambda: store.record_attempt(a_failure("a-message", order_id=order_id, receive_count=3, final=True)))
    assert get(order_id).json["state"] == "dead"


def test_an_order_that_has_come_to_an_end_is_told_at_once(get, store):
    order = an_order(user_id=7)
    store.persist([an_arrival(order)])
    assert get(order.order_id).headers["Preference-Applied"] == f"wait={LONG}"


def test_when_the_time_is_over_the_answer_is_as_without(impatient, get, identity):
    answer = get(identity.issue(7), "wait=99")
    assert (answer.json["state"], answer.headers["Preference-Applied"]) == ("queued", f"wait={SHORT}")


def test_more_than_30_seconds_are_cut_and_the_answer_says_so(app, get, store):
    order = an_order(user_id=7)
    store.persist([an_arrival(order)])
    assert get(order.order_id, "wait=31").headers["Preference-Applied"] == "wait=30"


@pytest.mark.parametrize("prefer", ["", "respond-async", "wait=soon"])
def test_another_preference_is_ignored(get, identity, prefer):
    answer = get(identity.issue(7), prefer)
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers


def test_nobody_waits_for_an_order_that_is_not_theirs(get, identity):
    assert get(identity.issue(8)).status_code == 404


def test_a_dead_order_that_was_sent_again_is_waited_for(store, identity, later):
    order_id = identity.issue(7)
    store.record_attempt(a_failure("a-message", order_id=order_id, receive_count=3, final=True))
    waits = Waits(store, 1)
    death = waits.wait(order_id, LONG)
    assert isinstance(death, int)
    assert waits.wait(order_id, 1.0, death) is None
    order = an_order(order_id=order_id, user_id=7)
    later(lambda: store.persist([an_arrival(order)]))
    assert waits.wait(order_id, LONG, death).order == order


def test_a_post_is_answered_with_the_stored_order(queue, post, store, later):
    later(lambda: store.persist([an_arrival(queue.sent[0][0])]))
    answer = post()
    assert (answer.status_code, answer.json["state"]) == (200, "persisted")
    assert answer.headers["Location"] == f"{URL}/{answer.json['orderId']}"
    assert answer.headers["Preference-Applied"] == f"wait={LONG}"
    assert '"totalPrice":99.90' in answer.text


def test_a_post_whose_order_is_not_stored_in_time_is_answered_as_ever(impatient, post):
    answer = post()
    assert (answer.status_code, answer.json["state"]) == (202, "queued")
    assert answer.headers["Preference-Applied"] == f"wait={SHORT}"


def test_a_post_repeated_with_its_key_is_answered_with_the_row(queue, post, store, api, token):
    key = {"Idempotency-Key": "a-key"}
    api.post(URL, json=ORDER, headers=token(7) | key)
    store.persist([an_arrival(queue.sent[0][0])])
    assert post(key).status_code == 200
    assert len(queue.sent) == 1


def test_a_post_whose_key_has_stored_another_order_is_refused(queue, post, store, later):
    def store_another():
        order = dataclasses.replace(queue.sent[0][0], quantity=9)
        store.persist([an_arrival(order)])

    later(store_another)
    answer = post({"Idempotency-Key": "a-key"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")


class Rounds:
    """A store without orders that counts how often it is asked, and about how many."""

    def __init__(self, error=None):
        self.asked = []
        self.error = error

    def ends(self, order_ids):
        self.asked.append(len(order_ids))
        if self.error:
            raise self.error
        return {}


def test_one_question_is_for_all_that_wait_and_none_is_asked_without(identity):
    store = Rounds()
    waits = Waits(store, 1000)
    ids = [identity.issue(7) for _ in range(200)]
    threads = [threading.Thread(target=waits.wait, args=(order_id, LONG)) for order_id in ids]
    for thread in threads:
        thread.start()
    poll(lambda: 200 in store.asked, 10, "all are asked about at once")
    waits.drain_when(lambda: True)
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    poll(lambda: waits._thread is None, 5, "nobody waits, and no thread runs")


def test_the_question_is_one_statement(engine, store, identity):
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert store.ends([identity.issue(7) for _ in range(1000)]) == {}
    assert len(statements) == 1


def test_an_outage_ends_no_wait(store, identity):
    away = Rounds(OperationalError("SELECT", {}, Exception("gone")))
    waits = Waits(away, 1)
    assert waits.wait(identity.issue(7), 0.7) is None
    assert len(away.asked) >= 1


def test_no_more_wait_than_are_allowed_and_none_in_a_process_that_ends(identity):
    waits = Waits(Rounds(), 1)
    first = threading.Thread(target=waits.wait, args=(identity.issue(7), LONG))
    first.start()
    poll(lambda: waits._waiters, 5, "one waits")
    with pytest.raises(WaitRefused):
        waits.wait(identity.issue(7), LONG)
    waits.drain_when(lambda: True)
    first.join(10)
    assert not first.is_alive()
    with pytest.raises(WaitRefused):
        waits.wait(identity.issue(7), LONG)


def test_a_request_beyond_the_limit_does_not_wait_and_says_so(store, queue, token):
    api = create_app(make_settings(web_connections=1), store=store, queue=queue).test_client()
    answer = api.post(URL, json=ORDER, headers=token(7) | {"Prefer": f"wait={LONG}"})
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers
