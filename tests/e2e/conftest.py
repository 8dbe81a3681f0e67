"""Web and worker as real processes, on fresh queues and a fresh database."""

import pytest
import requests

from tests.conftest import JWT_SECRET
from tests.polling import poll
from tests.processes import BIN, Process, free_port


@pytest.fixture
def environment(emulator, queues, mariadb_server):
    """The environment variables of web and worker."""
    return {
        "APP_ENV": "production",
        "PREFLIGHT": "warn",  # the queues of tests hide a message for less time than a task may take
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "SQS_ENDPOINT": emulator.url,
        "SQS_QUEUE_URL": queues.url,
        "SQS_DLQ_URL": queues.dlq_url,
        "DATABASE_URL": mariadb_server.application(mariadb_server.fresh()),
        "JWT_SECRET": JWT_SECRET,
        "ORDER_ID_SECRET": "the-order-id-secret-of-the-tests-alone",
        "PORT": str(free_port()),
        "WEB_WORKERS": "1",  # but where several of them matter
    }


@pytest.fixture
def client(environment, tmp_path, token):
    """A client of the orders API behind gunicorn."""
    process = Process(
        [BIN / "gunicorn", "-c", "config/gunicorn.py", "app:create_app()"], tmp_path / "web.log", environment
    )
    http = Client(f"http://127.0.0.1:{environment['PORT']}", token())
    http.process = process
    try:
        poll(lambda: process.says("Listening at") and http.alive(), 30, "web is alive")
        yield http
    finally:
        process.kill()


@pytest.fixture
def start_worker(environment, tmp_path):
    """A function that starts a worker and returns its process."""
    started = []

    def start(*arguments):
        log = tmp_path / f"worker-{len(started)}.log"
        process = Process([BIN / "celery", "-A", "tasks", "worker", *arguments], log, environment)
        started.append(process)
        poll(lambda: process.says("ready."), 30, "the worker is ready")
        return process

    yield start
    for process in started:
        process.kill()


class Client:
    """An HTTP client of the orders API, which waits so many seconds for an answer."""

    def __init__(self, url, headers, timeout=10):
        self.url = url
        self._headers = headers
        self._timeout = timeout

    def alive(self):
        try:
            return requests.get(f"{self.url}/healthz", timeout=self._timeout).ok
        except requests.ConnectionError:
            return False

    def get(self, path):
        return requests.get(self.url + path, headers=self._headers, timeout=self._timeout)

    def try_post(self, product="Widget", quantity=2, price="99.90", key=None):
        """Post an order; returns the answer, whatever it is."""
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        order = {"productName": product, "quantity": quantity, "totalPrice": price}
        return requests.post(f"{self.url}/api/v1/orders", json=order, headers=headers, timeout=self._timeout)

    def post(self, *args, **kwargs):
        """Post an order that is accepted; returns its id."""
        answer = self.try_post(*args, **kwargs)
        assert answer.status_code == 202, answer.text
        return answer.json()["orderId"]

    def state(self, order_id):
        return self.get(f"/api/v1/orders/{order_id}").json()["state"]

    def is_persisted(self, order_id):
        return self.state(order_id) == "persisted"
