"""A worker that no longer works is distinguished from one that has nothing to do, and ends by itself."""

import contextlib
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from prometheus_client import generate_latest

from celery_sqs.consume.heartbeat import STOPPED_AFTER
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.standstill import STANDSTILL_AFTER
from celery_sqs.errors import CallFailed
from celery_sqs.worker.health import EXIT_CODE, MAX_REASON, UNHEALTHY_AFTER, Health
from tests.exposition import Exposition
from tests.polling import poll
from tests.processes import ROOT, free_port, listens
from tests.unit.deliveries import delivery


@dataclass
class Polling:
    """A receiver whose last poll was a while ago."""

    seconds_since_success: float = 0.0
    seconds_since_end: float = 0.0
    last_error: Exception | None = None
    is_paused: bool = False


@dataclass
class Beating:
    """A heartbeat of that age."""

    age: float = 0.0

    def end(self):
        """It has none."""


@dataclass
class FixedStandstill:
    """A standstill of that age."""

    age: float
    waiting: str = "message m1"


@pytest.fixture
def ask():
    """A function that asks a worker with such a receiver and heartbeat for its health."""
    started = []

    def health_of(receiver, *deliveries, beat_age=0.0):
        held = InFlight()
        for one in deliveries:
            held.add(one)
        port = free_port()
        health = Health(held, {"q": Polling(), "r": receiver}, Beating(beat_age), port)
        health.start()
        started.append(health)
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5)

    yield health_of
    for health in started:
        health.stop()


def test_a_worker_that_polls_is_healthy(ask):
    answer = ask(Polling(UNHEALTHY_AFTER - 1), delivery(1), delivery(2), beat_age=1.0)
    assert answer.status_code == 200
    assert answer.json() == {
        "healthy": True,
        "reason": None,
        "seconds_since_last_poll": UNHEALTHY_AFTER - 1,
        "last_error": None,
        "seconds_since_heartbeat": 1.0,
        "standstill_seconds": 0.0,
        "outage": False,
        "renewed_at": None,
        "paused": {"q": False, "r": False},
        "in_flight": 2,
        "oldest_in_flight_seconds": pytest.approx(0, abs=1),
        "queues": {
            "q": {"seconds_since_last_poll": 0.0, "in_flight": 2, "oldest_in_flight_seconds": pytest.approx(0, abs=1)},
            "r": {"seconds_since_last_poll": UNHEALTHY_AFTER - 1, "in_flight": 0, "oldest_in_flight_seconds": 0.0},
        },
    }


def test_a_worker_whose_polls_have_stopped_is_not(ask):
    answer = ask(Polling(UNHEALTHY_AFTER + 1))
    assert answer.status_code == 503
    assert answer.json()["healthy"] is False
    assert answer.json()["reason"] == "no poll has succeeded for 61 s: none has ended"


def test_a_worker_whose_polls_all_fail_is_not_and_says_why(ask):
    denied = CallFailed(
        "ReceiveMessage http://q: 403 ExpiredToken: it is old\nThe Canonical String", "ExpiredToken", 403
    )
    answer = ask(Polling(UNHEALTHY_AFTER + 1, seconds_since_end=0.5, last_error=denied))
    assert answer.status_code == 503
    error = "CallFailed: ReceiveMessage http://q: 403 ExpiredToken: it is old"
    assert answer.json()["last_error"] == error
    assert answer.json()["reason"] == f"no poll has succeeded for 61 s: {error}"


def test_a_long_error_is_cut(ask):
    assert len(ask(Polling(last_error=ValueError("x" * 9000))).json()["last_error"]) == MAX_REASON


def test_a_worker_whose_event_loop_has_stopped_is_not_healthy(ask):
    answer = ask(Polling(), beat_age=STOPPED_AFTER + 1)
    assert answer.status_code == 503
    assert answer.json()["reason"] == "the event loop has not run for 31 s"


def test_a_worker_in_which_nothing_can_begin_is_not_healthy():
    health = Health(InFlight(), {}, Beating(), 0, standstill=FixedStandstill(STANDSTILL_AFTER))
    assert health.report()["reason"] == "nothing could begin for 120 s: message m1"


def test_a_standstill_is_a_log_line_once_and_once_more_when_there_is_another(caplog):
    standing = FixedStandstill(STANDSTILL_AFTER)
    health = Health(InFlight(), {}, Beating(), 0, standstill=standing, look_every=0.01)
    health.start()
    try:
        for age, lines in ((STANDSTILL_AFTER, 1), (0.0, 1), (STANDSTILL_AFTER + 1, 2)):
            standing.age = age
            poll(lambda lines=lines: len(caplog.messages) == lines, 2, "a line")
            time.sleep(0.1)
        assert len(caplog.messages) == 2
        assert caplog.messages[0].startswith("this worker is at a standstill")
        assert caplog.messages[0].endswith("nothing could begin for 120 s: message m1")
    finally:
        health.stop()


def test_the_same_port_tells_what_the_process_counts():
    held, port = InFlight(), free_port()
    held.add(delivery(1))
    health = Health(held, {"q": Polling(3.0)}, Beating(2.0), port)
    health.start()
    try:
        exposed = Exposition.of(port)
    finally:
        health.stop()
    assert exposed.value("sqs_in_flight_messages", queue="q") == 1
    assert exposed.value("sqs_last_poll_age_seconds", queue="q") == 3
    assert exposed.value("sqs_heartbeat_age_seconds") == 2
    assert exposed.value("sqs_outage") == 0
    assert exposed.value("process_resident_memory_bytes") > 0
    assert "sqs_in_flight_messages" not in generate_latest().decode()  # a stopped one tells nothing any more


def test_it_listens_where_it_is_configured_to():
    port = free_port()
    health = Health(InFlight(), {}, Beating(), port, "127.0.0.2")
    health.start()
    try:
        answer = requests.get(f"http://127.0.0.2:{port}/healthz", timeout=5)
        assert answer.ok
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not listens(port)  # on 127.0.0.1
    finally:
        health.stop()


def test_a_taken_port_does_not_keep_the_worker_from_working(caplog):
    port = free_port()
    first, second = (Health(InFlight(), {"q": Polling()}, Beating(), port) for _ in range(2))
    first.start()
    second.start()
    assert f"port {port}" in caplog.text
    first.stop()
    second.stop()


#: A worker's main process in small, with a child as billiard's pools have them; the rest is each test's. The alarm ends
#: it where nothing else does, even after its test.
PROGRAM = """
import logging, signal, sys, time
signal.alarm(30)
import billiard
from celery_sqs.consume.heartbeat import Heartbeat
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.standstill import STANDSTILL_AFTER
from celery_sqs.worker.health import Health
from tests.unit.event_loop import StuckLoop
from tests.unit.test_worker_health import Polling

logging.basicConfig()
heartbeat, polling = Heartbeat(), Polling()
child = billiard.Process(target=time.sleep, args=(60,))
child.start()
print(child.pid, flush=True)
{setting}
Health(InFlight(), {{"q": polling}}, heartbeat, 0, watchdog_timeout=0.5, look_every=0.05).start()
{then}
"""


@pytest.mark.parametrize(
    ("setting", "then", "reason"),
    [
        ("polling.seconds_since_end = 2.0", "time.sleep(20)", b"no poll has ended for 2 s: this process ends"),
        (
            "heartbeat.begin(StuckLoop(), lambda: False)",
            "time.sleep(20)",
            b"the event loop has not run for 1 s: this process ends",
        ),
        # The main thread waits for a pipe that nobody reads, and has the lock that every log line needs.
        ("heartbeat.begin(StuckLoop(), lambda: False)", "while True: logging.error('x' * 1000)", None),
    ],
    ids=["no poll ends", "the event loop is stuck", "nobody reads stderr"],
)
def test_a_process_that_cannot_recover_ends_with_its_children(setting, then, reason):
    with running(PROGRAM.format(setting=setting, then=then)) as process:
        child = int(process.stdout.readline())
        assert process.wait(15) == EXIT_CODE
        poll(lambda: not _runs(child), 5, "the child has ended")
        said = process.stderr.read()
    assert reason is None or reason in said


@contextlib.contextmanager
def running(program):
    """A process that runs a program, and is killed with the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "setting",
    [
        "polling.seconds_since_success = 999.0; polling.last_error = OSError('SQS is away')",
        "heartbeat.begin(StuckLoop(), lambda: True)",  # a task runs in the main thread
    ],
    ids=["no poll succeeds", "a task runs in the main thread"],
)
def test_what_a_restart_does_not_mend_ends_no_process(setting):
    program = PROGRAM.format(setting=setting, then="time.sleep(2); child.terminate(); sys.exit(3)")
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=15, check=False, capture_output=True)
    assert ended.returncode == 3, ended.stderr


def test_one_late_look_ends_no_process():
    """As after a suspension: the first look comes before the event loop turns again."""
    program = PROGRAM.format(
        setting="loop = StuckLoop(); heartbeat.begin(loop, lambda: False)",
        then="""
import os, signal, threading
stopper = os.fork()
if not stopper:
    time.sleep(0.2)
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(1)
    os.kill(os.getppid(), signal.SIGCONT)
    os._exit(0)
for _ in range(40):
    loop.turn()
    time.sleep(0.04)
child.terminate()
sys.exit(3)
""",
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=15, check=False, capture_output=True)
    assert ended.returncode == 3, ended.stderr


def _runs(pid):
    """Whether a process runs; one that has ended and has no parent to notice is none."""
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
