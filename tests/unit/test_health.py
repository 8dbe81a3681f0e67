"""The probes: is the process alive, and can it take orders."""

import threading

from app import create_app
from celery_sqs.dependencies import Probe
from orders.database import connect
from orders.store import OrderStore
from tests.conftest import make_settings
from tests.unit.fakes import ForbiddenStore


def test_a_process_that_answers_is_alive_whatever_else_is_down(queue):
    queue.answers = False
    api = create_app(make_settings(), store=ForbiddenStore(), queue=queue).test_client()
    answer = api.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "alive"})


def test_with_queue_and_database_it_is_ready(api):
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"queue": "ok", "database": "ok"})


def test_without_the_queue_it_is_not_ready(api, queue):
    queue.answers = False
    answer = api.get("/readyz")
    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"


def test_it_is_ready_again_when_the_queue_is_back(api, queue):
    queue.answers = False
    assert api.get("/readyz").status_code == 503
    queue.answers = True
    assert api.get("/readyz").status_code == 200


def test_without_the_database_it_is_ready_still(queue, tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/without-tables.db")
    api = create_app(make_settings(), store=OrderStore(engine), queue=queue).test_client()
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"queue": "ok", "database": "unavailable"})
    engine.dispose()


def test_a_queue_that_nobody_runs_is_not_ready(store):
    api = create_app(make_settings(sqs_endpoint="http://127.0.0.1:1"), store=store).test_client()
    assert api.get("/readyz").status_code == 503


def test_a_probe_does_not_wait_for_a_check_that_hangs():
    hanging = threading.Event()
    probe = Probe(hanging.wait)
    assert not probe.healthy(timeout=0.01)
    hanging.set()


def test_a_check_that_hangs_is_not_started_twice():
    hanging, started = threading.Event(), []

    def check():
        started.append(1)
        return hanging.wait()

    probe = Probe(check)
    assert not any(probe.healthy(timeout=0.01) for _ in range(3))
    hanging.set()
    assert probe.healthy(timeout=5)
    assert started == [1]
