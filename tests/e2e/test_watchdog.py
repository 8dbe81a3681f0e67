"""A worker that cannot work says so, lets go of what it has, and ends where another process may do better."""

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import requests

from celery_sqs.consume.heartbeat import STOPPED_AFTER
from celery_sqs.worker.health import EXIT_CODE, UNHEALTHY_AFTER, WATCHDOG_TIMEOUT
from tests import metadata_service
from tests.emulator import Queues
from tests.polling import poll
from tests.processes import BIN, INHERITED, ROOT, Process, free_port

PIPE = 4096  # bytes; the smallest that Linux has
SOON = 20  # seconds


def health(environment):
    """A worker's status and answer; None while it does not answer."""
    try:
        answer = requests.get(f"http://127.0.0.1:{environment['WORKER_HEALTH_PORT']}/healthz", timeout=5)
    except requests.ConnectionError:
        return None
    return answer.status_code, answer.json()


@pytest.fixture
def environment(environment):
    return environment | {"WORKER_HEALTH_PORT": str(free_port())}


class TestNobodyReadsStderr:
    @pytest.fixture
    def queues(self, emulator):
        both = Queues.fresh(emulator, visibility_timeout=6)
        yield both
        both.delete()

    @pytest.fixture
    def stuck(self, environment):
        """A worker whose stderr is a pipe that nobody reads."""
        unread, stderr = os.pipe()
        fcntl.fcntl(stderr, fcntl.F_SETPIPE_SZ, PIPE)
        process = subprocess.Popen(
            [BIN / "celery", "-A", "tasks", "worker", "-c", "2"],
            cwd=ROOT,
            env={name: os.environ[name] for name in INHERITED if name in os.environ} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        os.close(stderr)
        yield process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
        os.close(unread)

    @pytest.mark.long
    @pytest.mark.timeout(2 * WATCHDOG_TIMEOUT)
    def test_its_messages_go_to_others_and_it_ends_with_its_children(
        self, client, stuck, start_worker, environment, queues, tmp_path
    ):
        poll(lambda: health(environment), SOON, "it answers")
        children = _children(stuck.pid)
        for _ in range(200):
            queues.send("neither JSON nor anything")  # each is a line in its log
        poll(lambda: health(environment)[1]["seconds_since_heartbeat"] > 5, SOON, "it is stuck")
        began_at = time.monotonic()
        orders = [client.post(quantity=number + 1) for number in range(20)]
        poll(lambda: health(environment)[1]["in_flight"] > 0, SOON, "it has received something")

        status, said = poll(lambda: _unhealthy(environment), STOPPED_AFTER + 10, "it says that it is not healthy")
        assert status == 503
        assert said["reason"].startswith("the event loop has not run for")

        environment["WORKER_HEALTH_PORT"] = "0"
        start_worker()
        poll(lambda: all(client.is_persisted(order) for order in orders), 60, "another worker stores the orders")
        assert time.monotonic() - began_at < WATCHDOG_TIMEOUT - 30, "while the stuck one is still there"
        assert stuck.poll() is None

        assert stuck.wait(WATCHDOG_TIMEOUT) == EXIT_CODE
        assert len(children) == 2
        poll(lambda: not any(map(_runs, children)), 5, "its children have ended")


class TestNoCredentialsAtFirst:
    @pytest.fixture
    def metadata(self):
        with metadata_service.serving() as service:
            yield service

    @pytest.fixture(params=["machine", "container"])
    def environment(self, request, environment, metadata, tmp_path):
        own = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
        return own | {"HOME": str(tmp_path)} | metadata.environments()[request.param]

    @pytest.mark.long
    def test_web_and_worker_use_them_within_seconds_of_their_coming(
        self, client, start_worker, environment, metadata, queues
    ):
        worker = start_worker()
        poll(lambda: worker.says("boto3 finds no credentials"), SOON, "the worker says what is missing")
        assert client.try_post().status_code == 503
        assert client.get("/readyz").status_code == 503
        assert "finds no credentials" in health(environment)[1]["last_error"]

        metadata.has_credentials = True

        poll(lambda: client.try_post().status_code == 202, 10, "web accepts orders")
        poll(lambda: health(environment)[1]["last_error"] is None, 10, "the worker receives")
        order_id = client.post()
        poll(lambda: client.is_persisted(order_id), 10, "the order is persisted")


class TestNoQueue:
    @pytest.fixture
    def environment(self, environment, queues):
        return environment | {"SQS_QUEUE_URL": f"{queues.url}-elsewhere"}

    @pytest.mark.long
    def test_a_worker_without_its_queue_is_not_healthy_says_why_and_does_not_end(self, start_worker, environment):
        worker = start_worker()
        status, said = poll(lambda: _unhealthy(environment), UNHEALTHY_AFTER + 30, "it says that it is not healthy")
        assert status == 503
        assert "QueueDoesNotExist" in said["last_error"]
        assert said["last_error"] in said["reason"]
        assert worker.returncode is None


@pytest.mark.long
def test_a_worker_that_waits_for_the_database_is_healthy(start_worker, environment, mariadb_server):
    mariadb_server.stop()
    try:
        worker = start_worker()
        poll(lambda: worker.says("is away"), SOON, "the worker has noticed")
        time.sleep(UNHEALTHY_AFTER + 5)
        status, said = health(environment)
    finally:
        mariadb_server.start()
    assert (status, said["outage"], said["reason"]) == (200, True, None)


def test_a_gevent_worker_is_refused_before_it_receives_anything(environment, queues, tmp_path):
    queues.send("neither JSON nor anything")
    worker = Process([BIN / "celery", "-A", "tasks", "worker", "-P", "gevent"], tmp_path / "worker.log", environment)
    assert worker.wait(SOON) == os.EX_CONFIG
    [line] = [line for line in worker.output.splitlines() if "gevent" in line]
    assert line.startswith("Error: worker_pool: gevent and eventlet")
    assert "Traceback" not in worker.output
    assert queues.visible() == 1
    [message] = queues.peek(queues.url)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1", "the first receive is this test's"


def _unhealthy(environment):
    answer = health(environment)
    return answer if answer is not None and answer[0] != 200 else None


def _children(pid):
    poll(lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text(), SOON, "it has children")
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _runs(pid):
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
