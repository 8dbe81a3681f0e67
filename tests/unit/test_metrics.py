"""The metrics of web: every order's answer, and how much waits."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from app import create_app, metrics
from app.backlog import Backlog
from app.tokens import KeysUnavailable
from celery_sqs import QueueNumbers, QueuePair
from celery_sqs.dependencies import Recent
from celery_sqs.dlq import QueueGauges
from config.settings import SettingsError, load
from tests.conftest import make_settings
from tests.exposition import Exposition
from tests.unit.fakes import ForbiddenStore
from tests.unit.samples import an_arrival

URL = "/api/v1/orders"
ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": 99.9}
PORT = 9100
BASE = f"http://localhost:{PORT}"

REASONS = {"invalid", "key_reused", "unauthorised", "keys_unavailable", "not_confirmed", "failed"}


@pytest.fixture
def app(queue):
    return create_app(make_settings(metrics_port=PORT, task_events=True), store=ForbiddenStore(), queue=queue)


@pytest.fixture
def gained(api):
    """A function that says what some requests add to a metric."""
    before = scraped(api)

    def gain(name, **labels):
        return scraped(api).value(name, **labels) - before.value(name, **labels)

    return gain


def scraped(api):
    answer = api.get(metrics.PATH, base_url=BASE)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    return Exposition(answer.text)


def refusals(gained):
    return {reason: gain for reason in REASONS if (gain := gained("orders_refused_total", reason=reason))}


def test_an_accepted_order_is_counted_with_its_time(api, token, gained):
    for _ in range(3):
        assert api.post(URL, json=ORDER, headers=token()).status_code == 202
    assert gained("orders_accepted_total") == 3
    assert gained("order_accept_seconds_count") == 3
    assert 0 < gained("order_accept_seconds_sum") < 3
    assert refusals(gained) == {}


@pytest.mark.parametrize(
    ("body", "status"), [({}, 422), ([], 422), (None, 415)], ids=["a field missing", "no object", "no JSON"]
)
def test_an_order_that_is_no_order_is_invalid(api, token, gained, body, status):
    sent = {} if body is None else {"json": body}
    assert api.post(URL, headers=token(), **sent).status_code == status
    assert refusals(gained) == {"invalid": 1}
    assert gained("orders_accepted_total") == 0
    assert gained("order_accept_seconds_count") == 1


def test_a_body_that_is_too_long_is_invalid(api, token, gained):
    body = b" " * 70_000
    assert api.post(URL, data=body, content_type="application/json", headers=token()).status_code == 413
    assert refusals(gained) == {"invalid": 1}


def test_whoever_may_not_order_is_unauthorised(api, token, gained):
    assert api.post(URL, json=ORDER).status_code == 401
    assert api.post(URL, json=ORDER, headers=token(scopes=("orders:read",))).status_code == 403
    assert refusals(gained) == {"unauthorised": 2}


def test_an_order_that_the_queue_does_not_confirm_is_told_apart(api, token, gained, queue):
    queue.refuse()
    assert api.post(URL, json=ORDER, headers=token()).status_code == 503
    assert refusals(gained) == {"not_confirmed": 1}


def test_keys_that_cannot_be_fetched_are_told_apart(app, api, token, gained, monkeypatch):
    def identify(_token):
        raise KeysUnavailable

    [services] = [part for part in app.extensions.values() if hasattr(part, "verifier")]
    monkeypatch.setattr(type(services.verifier), "identify", lambda self, given: identify(given))
    assert api.post(URL, json=ORDER, headers=token()).status_code == 503
    assert refusals(gained) == {"keys_unavailable": 1}


def test_a_fault_of_ours_has_failed(api, token, gained, queue):
    queue.error = RuntimeError("a fault")
    assert api.post(URL, json=ORDER, headers=token()).status_code == 500
    assert refusals(gained) == {"failed": 1}


@pytest.fixture
def with_store(store, queue):
    return create_app(make_settings(metrics_port=PORT), store=store, queue=queue).test_client()


def test_a_key_of_another_order_is_no_invalid_field(with_store, token, gained, queue, store):
    headers = token(7) | {"Idempotency-Key": "a-key", "Prefer": "wait=1"}
    with_store.post(URL, json=ORDER, headers=token(7) | {"Idempotency-Key": "a-key"})
    assert with_store.post(URL, json=ORDER | {"quantity": 3}, headers=headers).status_code == 422
    assert refusals(gained) == {"key_reused": 1}
    store.persist([an_arrival(queue.sent[0][0])])
    assert with_store.post(URL, json=ORDER, headers=headers).status_code == 200
    assert gained("orders_accepted_total") == 2


def test_the_time_that_a_client_prefers_to_wait_is_not_counted(with_store, token, gained):
    began_at = time.monotonic()
    assert with_store.post(URL, json=ORDER, headers=token() | {"Prefer": "wait=1"}).status_code == 202
    assert gained("order_accept_seconds_sum") < time.monotonic() - began_at - 0.9


def test_what_is_no_order_is_not_counted(api, token, gained):
    api.get("/healthz")
    api.get(f"{URL}/nonsense", headers=token())
    api.post("/nowhere", json=ORDER)
    api.put(URL, json=ORDER)
    assert gained("order_accept_seconds_count") == 0
    assert refusals(gained) == {}


@pytest.mark.parametrize("path", ["/metrics", "/nowhere"])
def test_answers_on_the_port_of_the_metrics_may_be_shown_and_nothing_more(api, path):
    headers = api.get(path, base_url=f"http://127.0.0.1:{PORT}").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_every_reason_is_there_before_its_first_refusal(api):
    assert all(scraped(api).value("orders_refused_total", reason=reason) is not None for reason in REASONS)


@pytest.mark.parametrize("path", [metrics.PATH, f"{metrics.PATH}/", "/healthz", "/"])
def test_metrics_and_application_keep_to_their_ports(api, path):
    assert api.get(path, base_url=BASE).status_code == (200 if path == metrics.PATH else 404)
    assert api.get(path).status_code == (200 if path == "/healthz" else 404)


def test_a_host_header_opens_no_door(api):
    assert api.get(metrics.PATH, headers={"Host": f"localhost:{PORT}"}).status_code == 404


def test_the_public_port_is_not_taken_for_it(monkeypatch):
    monkeypatch.setenv("APP_ENV", "development")
    monkeypatch.setenv("PORT", "9100")
    monkeypatch.setenv("METRICS_PORT", "9100")
    with pytest.raises(SettingsError, match="METRICS_PORT"):
        load(env_file=None)


def test_without_a_port_nothing_is_wrapped(queue):
    plain = create_app(make_settings(), store=ForbiddenStore(), queue=queue)
    assert plain.wsgi_app.__func__ is type(plain).wsgi_app
    assert plain.test_client().get(metrics.PATH).status_code == 404


def test_what_cannot_be_asked_is_left_out_and_says_so(api):
    exported = scraped(api)  # nobody is at the queue's endpoint, and the database has no tables
    assert exported.sum("sqs_queue_up") == 0
    assert exported.value("order_store_up") == 0
    unknown = {"sqs_queue_messages", "sqs_dlq_messages", "sqs_dlq_scan_age_seconds", "order_oldest_unpersisted_seconds"}
    assert not unknown & exported.names()
    assert exported.value("orders_accepted_total") is not None


def test_what_does_not_answer_holds_up_nobody():
    hanging = Recent(lambda: time.sleep(3), 5)
    started = time.monotonic()
    assert collected(QueueGauges({"mail": hanging, "parcels": Recent(lambda: time.sleep(3), 5)}, hanging)) == {
        ("sqs_queue_up", "mail"): 0,
        ("sqs_queue_up", "parcels"): 0,
    }
    assert collected(Backlog(hanging)) == {("order_store_up",): 0}
    assert time.monotonic() - started < 2.9, "one second for the queues, and one for the order"


def test_what_waits_is_told_by_queue_and_state():
    pair = QueuePair(numbers("mail", 7, 5, 1), numbers("mail-dlq", 2, 0, 0))
    asked = {"mail": Recent(lambda: pair, 5), "parcels": failing()}
    scans = Recent(lambda: {"mail": datetime.now(UTC) - timedelta(minutes=3), "of-another-app": datetime.now(UTC)}, 5)
    assert collected(QueueGauges(asked, scans)) == {
        ("sqs_queue_up", "mail"): 1,
        ("sqs_queue_up", "parcels"): 0,
        ("sqs_queue_messages", "mail", "visible"): 7,
        ("sqs_queue_messages", "mail", "hidden"): 5,
        ("sqs_queue_messages", "mail", "delayed"): 1,
        ("sqs_dlq_messages", "mail", "visible"): 2,
        ("sqs_dlq_messages", "mail", "hidden"): 0,
        ("sqs_dlq_messages", "mail", "delayed"): 0,
        ("sqs_dlq_scan_age_seconds", "mail"): pytest.approx(180, abs=5),
    }


def test_the_age_of_the_oldest_unfinished_order_is_told():
    sent_at = datetime.now(UTC) - timedelta(minutes=3)
    age = collected(Backlog(Recent(lambda: sent_at, 5)))[("order_oldest_unpersisted_seconds",)]
    assert age == pytest.approx(180, abs=5)


def test_without_an_unfinished_order_its_age_is_nought():
    none = Recent(lambda: None, 5)
    assert collected(Backlog(none)) == {("order_store_up",): 1, ("order_oldest_unpersisted_seconds",): 0}


def test_where_nobody_reports_orders_nothing_is_said_of_them():
    assert collected(Backlog(None)) == {}


def test_an_answer_is_kept_for_a_while():
    asked = []
    backlog = Backlog(Recent(lambda: asked.append(1), 60))
    for _ in range(5):
        collected(backlog)
    assert len(asked) == 1


def collected(gauges):
    """The samples' values, by name and labels."""
    samples = [sample for family in gauges.collect() for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def failing():
    def ask():
        raise OSError("away")

    return Recent(ask, 5)


def numbers(name, visible, hidden, delayed):
    return QueueNumbers(name, f"http://q/0/{name}", visible, hidden, delayed, ())
