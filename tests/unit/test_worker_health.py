"""A worker that no longer polls is told apart from one that has nothing to do, and ends by itself."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest
import requests
from prometheus_client import generate_latest

from celery_sqs.consume.in_flight import InFlight
from celery_sqs.worker.health import EXIT_CODE, UNHEALTHY_AFTER, Health
from tests.exposition import Exposition
from tests.processes import ROOT, free_port, listens
from tests.unit.deliveries import delivery


@dataclass
class Silent:
    """A receiver that has been silent for a while."""

    idle_seconds: float


@pytest.fixture
def ask():
    """A function that asks a worker with a receiver this silent for its health."""
    started = []

    def health_of(idle_seconds, *deliveries):
        held = InFlight()
        for one in deliveries:
            held.add(one)
        port = free_port()
        health = Health(held, {"q": Silent(idle_seconds)}, port)
        health.start()
        started.append(health)
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5)

    yield health_of
    for health in started:
        health.stop()


def test_a_worker_that_polls_is_healthy(ask):
    answer = ask(UNHEALTHY_AFTER - 1, delivery(1), delivery(2))
    assert answer.status_code == 200
    assert answer.json() == {
        "healthy": True,
        "seconds_since_last_poll": UNHEALTHY_AFTER - 1,
        "outage": False,
        "in_flight": 2,
        "oldest_in_flight_seconds": pytest.approx(0, abs=1),
    }


def test_a_worker_whose_polls_have_stopped_is_not(ask):
    answer = ask(UNHEALTHY_AFTER + 1)
    assert answer.status_code == 503
    assert answer.json()["healthy"] is False


def test_the_same_port_tells_what_the_process_counts():
    held, port = InFlight(), free_port()
    held.add(delivery(1))
    health = Health(held, {"q": Silent(3.0)}, port)
    health.start()
    try:
        told = Exposition.of(port)
    finally:
        health.stop()
    assert told.value("sqs_in_flight_messages") == 1
    assert told.value("sqs_last_poll_age_seconds") == 3
    assert told.value("sqs_outage") == 0
    assert told.value("process_resident_memory_bytes") > 0
    assert "sqs_in_flight_messages" not in generate_latest().decode()  # a stopped one tells nothing any more


def test_it_listens_where_it_is_told_to():
    port = free_port()
    health = Health(InFlight(), {}, port, "127.0.0.2")
    health.start()
    try:
        assert requests.get(f"http://127.0.0.2:{port}/healthz", timeout=5).ok
        assert not listens(port)  # on 127.0.0.1
    finally:
        health.stop()


def test_a_taken_port_does_not_keep_the_worker_from_working(ask, caplog):
    port = free_port()
    first, second = (Health(InFlight(), {"q": Silent(0)}, port) for _ in range(2))
    first.start()
    second.start()
    assert f"port {port}" in caplog.text
    first.stop()
    second.stop()


def test_a_process_that_cannot_recover_ends():
    program = """
import time
from celery_sqs.worker.health import Health
from celery_sqs.consume.in_flight import InFlight
from tests.unit.test_worker_health import Silent
Health(InFlight(), {"q": Silent(2.0)}, 0, hopeless_after=1.0, look_every=0.05).start()
time.sleep(20)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=os.environ, timeout=15, check=False, capture_output=True
    )
    assert ended.returncode == EXIT_CODE
