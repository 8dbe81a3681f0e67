"""/metrics of web and worker, as Prometheus gets it: what they say is what has happened."""

import signal
from collections import Counter

import psutil
import pytest
import requests
from sqlalchemy import make_url

from tests.e2e.conftest import Client
from tests.exposition import Exposition
from tests.faults.proxy import Proxy
from tests.polling import poll
from tests.processes import BIN, Process, free_port

pytestmark = pytest.mark.long

#: But what the probe writes: else it is an outage.
NOTHING_IS_RECORDED = """
    CREATE TRIGGER refuse BEFORE INSERT ON attempts FOR EACH ROW
    IF NEW.kind != '' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no attempt is recorded'; END IF
"""

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def folder(tmp_path):
    """Where web's processes leave their counts."""
    made = tmp_path / "tmp"
    made.mkdir()
    return made


@pytest.fixture
def environment(environment, folder):
    return environment | {
        "WEB_WORKERS": "2",
        "METRICS_PORT": str(free_port()),
        "WORKER_HEALTH_PORT": str(free_port()),
        "TMPDIR": str(folder),
    }


@pytest.fixture
def start_web(environment, tmp_path):
    """A function that starts gunicorn."""
    started = []

    def start():
        process = Process(
            [BIN / "gunicorn", "-c", "config/gunicorn.py", "app:create_app()"], tmp_path / "web.log", environment
        )
        started.append(process)
        poll(lambda: process.says("Listening at") and _workers(process), 30, "web has its processes")
        return process

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def posts(environment, token):
    return Client(f"http://127.0.0.1:{environment['PORT']}", token())


@pytest.fixture
def web(environment):
    """A function that asks web for its metrics."""
    return lambda: Exposition.of(int(environment["METRICS_PORT"]))


@pytest.fixture
def worker(environment):
    """A function that asks the worker for its metrics."""
    return lambda: Exposition.of(int(environment["WORKER_HEALTH_PORT"]))


class TestWeb:
    def test_all_processes_together_answer_also_for_those_that_have_ended(self, start_web, posts, web):
        process = start_web()
        poll(posts.alive, 30, "web is alive")
        first, second = _workers(process)
        _post_with_only(first, second, posts, 3)
        _post_with_only(second, first, posts, 4)
        assert web().value("orders_accepted_total") == 7
        assert web().value("order_accept_seconds_count") == 7
        assert web().sum("sqs_queue_messages", state="visible") == 7

        first.kill()
        poll(lambda: len(_workers(process)) == 2 and first not in _workers(process), 10, "there is another one")
        posts.post()
        assert web().value("orders_accepted_total") == 8

    def test_a_reload_forgets_nothing(self, start_web, posts, web):
        process = start_web()
        poll(posts.alive, 30, "web is alive")
        posts.post()
        before = set(_workers(process))
        process.send(signal.SIGHUP)
        poll(lambda: len(_workers(process)) == 2 and not before & set(_workers(process)), 20, "all are new")
        poll(posts.alive, 10, "web is alive")
        posts.post()
        assert web().value("orders_accepted_total") == 2

    def test_each_port_has_its_own(self, start_web, posts, environment):
        start_web()
        poll(posts.alive, 30, "web is alive")
        door = f"http://127.0.0.1:{environment['METRICS_PORT']}"
        assert requests.get(f"{posts.url}/metrics", timeout=10).status_code == 404
        assert requests.get(f"{door}/healthz", timeout=10).status_code == 404
        assert requests.post(f"{door}/api/v1/orders", timeout=10).status_code == 404

    def test_the_folder_goes_with_the_master(self, start_web, posts, folder):
        process = start_web()
        poll(posts.alive, 30, "web is alive")
        posts.post()
        [counts] = folder.iterdir()
        assert any(counts.iterdir())
        assert counts.stat().st_mode & 0o077 == 0
        process.stop()
        assert list(folder.iterdir()) == []


class TestWithoutPort:
    @pytest.fixture
    def environment(self, environment):
        return environment | {"METRICS_PORT": "0"}

    def test_there_are_no_files(self, start_web, posts, folder):
        start_web()
        poll(posts.alive, 30, "web is alive")
        posts.post()
        assert requests.get(f"{posts.url}/metrics", timeout=10).status_code == 404
        assert list(folder.iterdir()) == []


class TestWorker:
    def test_counts_are_those_of_the_orders(self, client, start_worker, worker, web, queues):
        start_worker()
        posted = [client.post(quantity=number + 1) for number in range(20)]
        poll(lambda: all(client.is_persisted(order) for order in posted), 20, "all are persisted")
        queues.send('{"orderId": "5f0c1a34-9d1c-4c62-8b3a-0d6f3c1f5e11", "quantity": 0}')
        queues.send("neither JSON nor anything")
        poll(lambda: len(queues.peek(queues.dlq_url)) == 2, 20, "both are dead")

        def attempts(outcome, task="persist_order"):
            return worker().value("task_attempts_total", task=task, outcome=outcome)

        poll(lambda: attempts("permanent") == attempts("poison", "unknown") == 3, 5, "all attempts are counted")
        exported = worker()
        assert attempts("succeeded") == 20
        assert attempts("own") is None
        assert exported.value("task_seconds_to_success_count", task="persist_order") == 20
        assert 0 < exported.value("task_seconds_to_success_sum", task="persist_order") < 20 * 20
        assert exported.value("task_batch_size_sum", task="persist_order") == 23
        assert 4 <= exported.value("task_batch_size_count", task="persist_order") <= 23
        assert exported.value("sqs_outage") == 0
        assert exported.sum("sqs_last_poll_age_seconds") < 10
        assert exported.value("process_resident_memory_bytes") > 0
        poll(
            lambda: web().sum("sqs_dlq_messages", state="visible") == 2,
            10,
            "web exports the dead messages",
        )

    def test_attempts_that_the_database_refuses_to_record_are_counted_wherever_they_ran(
        self, start_worker, worker, queues, mariadb_server, environment
    ):
        mariadb_server.execute(NOTHING_IS_RECORDED, make_url(environment["DATABASE_URL"]).database)
        started = start_worker()
        assert worker().value("sqs_unrecorded_attempts_total") == 0
        queues.send('{"orderId": "5f0c1a34-9d1c-4c62-8b3a-0d6f3c1f5e11", "quantity": 0}')
        poll(lambda: worker().value("sqs_unrecorded_attempts_total") == 1, 20, "a process of the pool has said so")
        assert started.says("the failed attempt could not be recorded")
        queues.send("neither JSON nor anything")
        poll(lambda: worker().value("sqs_unrecorded_attempts_total") >= 2, 20, "the main process has, too")

    def test_an_outage_is_told_and_ends(self, client, start_worker, worker, web, mariadb_server):
        start_worker()
        first = client.post()
        poll(lambda: client.is_persisted(first), 10, "the worker works")
        poll(lambda: web().value("order_oldest_unpersisted_seconds") == 0, 10, "nothing waits")
        mariadb_server.stop()
        try:
            client.post()
            poll(lambda: worker().value("sqs_outage") == 1, 20, "the outage is exported")
            assert worker().sum("sqs_in_flight_messages") == 1
            poll(lambda: worker().sum("sqs_last_poll_age_seconds") == 0, 10, "no poll is due")
            unasked = poll(lambda: (exported := web()).value("order_store_up") == 0 and exported, 10, "web cannot ask")
            assert unasked.value("order_oldest_unpersisted_seconds") is None
            assert web().value("orders_accepted_total") == 2
        finally:
            mariadb_server.start()
        poll(lambda: worker().value("sqs_outage") == 0, 20, "its end is exported")
        poll(lambda: worker().sum("sqs_in_flight_messages") == 0, 10, "nothing is in flight")

        def attempts(outcome):
            return worker().value("task_attempts_total", task="persist_order", outcome=outcome)

        poll(lambda: attempts("succeeded") == 2, 5, "both are counted")
        assert attempts("outage") >= 1

    def test_an_order_that_waits_gets_older(self, client, web):
        client.post()
        poll(lambda: (web().value("order_oldest_unpersisted_seconds") or 0) > 2, 20, "it is exported and grows")


class TestSQSCalls:
    @pytest.fixture
    def proxy(self, emulator):
        running = Proxy(emulator.url, seed=1)
        yield running
        running.stop()

    @pytest.fixture
    def environment(self, environment, proxy, queues):
        return environment | {
            "SQS_ENDPOINT": proxy.url,
            "SQS_QUEUE_URL": proxy.through(queues.url),
            "SQS_DLQ_URL": proxy.through(queues.dlq_url),
        }

    def test_web_and_worker_count_what_reaches_sqs(self, client, start_worker, worker, web, proxy):
        start_worker()
        with proxy.failing("SendMessageBatch", "DeleteMessageBatch", share=0.3):
            posted = [client.post(quantity=number + 1) for number in range(20)]
            poll(lambda: all(client.is_persisted(order) for order in posted), 20, "all are persisted")

        def difference():
            exported = (web(), worker())
            ended = Counter(call.action for call in tuple(proxy.log))  # a long poll is always on its way
            counted = {action: sum(one.sum("sqs_calls_total", action=action) for one in exported) for action in ended}
            return {action: (ended[action], counted[action]) for action in ended if ended[action] != counted[action]}

        poll(lambda: not difference(), 20, "both have counted the same")
        assert proxy.log.maxlen > len(proxy.log)
        failed = sum(one.sum("sqs_calls_total", outcome="failed") for one in (web(), worker()))
        assert failed == sum(proxy.faulty.values()) > 0


def test_a_trace_goes_from_the_request_to_the_row(client, start_worker, queues, token):
    worker = start_worker()
    headers = token() | {"traceparent": TRACEPARENT, "tracestate": "a=1"}
    order = {"productName": "Widget", "quantity": 2, "totalPrice": "99.90"}
    answer = requests.post(f"{client.url}/api/v1/orders", json=order, headers=headers, timeout=10)
    poll(lambda: client.is_persisted(answer.json()["orderId"]), 10, "it is persisted")
    [line] = [line for line in worker.output.splitlines() if "order persisted" in line]
    assert f'"trace_id": "{TRACE}"' in line


def _workers(process):
    return psutil.Process(process.pid).children()


def _post_with_only(one, other, posts, number):
    """Post orders while the other process is stopped, so that this one gets them all."""
    other.suspend()
    try:
        for _ in range(number):
            posts.post()
    finally:
        other.resume()
