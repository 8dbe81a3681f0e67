"""The system under test: queues, a database, a proxy before SQS, and processes that call SQS through the proxy."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

import psutil
import requests

from app.tokens import issue
from config.queues import ORDER_QUEUE
from tests.conftest import JWT_SECRET
from tests.e2e.conftest import Client
from tests.emulator import Emulator, Queues
from tests.faults.accepted_orders import AcceptedOrders, OrderRequest
from tests.faults.database_faults import table_locked
from tests.faults.database_proxy import DatabaseProxy
from tests.faults.oracle import find_anomalies
from tests.faults.proxy import Proxy
from tests.mariadb import MariaDB, rows
from tests.polling import PAUSE, poll
from tests.processes import BIN, ROOT, Process, free_port

KILLING_APP: Final = "tests.faults.killing_app"  # for `celery -A`: the product's app, where some orders kill

USER_ID: Final = 1
BATCH: Final = 10  # messages that SendMessageBatch takes

LAST_LINES: Final = 20  # of a worker's log that a failed test shows
LINE_LENGTH: Final = 300  # characters: a traceback is one line

RESCUING: Final = {"OPERATORS": "operator:a-password-of-the-tests", "DLQ_RESCUE_MINUTES": "1"}

#: For what must not be done by two threads at once: alembic's context is global, and the emulator's
#: clients are made under a changed environment.
_setup_lock = threading.Lock()

#: Seconds. To boot the API beside three workers that boot, too, takes two processors 12.
RESPONSE_TIMEOUT: Final = 25


class Cluster:
    """The queues, database, proxy and processes of one scenario, and the record of its accepted orders.

    Args:
        emulator: the SQS emulator, which other clusters may share.
        server: the MariaDB server, which other clusters may share.
        folder: of the processes' logs.
        visibility_timeout: of the work queue, in seconds.
        max_receive_count: of the work queue; the house's number unless the scenario says why not.
        seed: of the proxy's random numbers.
        application: of the workers, as `celery -A` names it.
        retention: of the work queue, in seconds.
        database_proxy: whether the processes reach the database through one, too.
        rescues: whether web sends again what is dead with attempts left, as it does where it has a workbench.
    """

    def __init__(
        self,
        emulator: Emulator,
        server: MariaDB,
        folder: Path,
        visibility_timeout: int,
        max_receive_count: int = ORDER_QUEUE.max_receive_count,
        seed: int = 0,
        application: str = "tasks",
        retention: int = ORDER_QUEUE.retention,
        database_proxy: bool = False,
        rescues: bool = False,
    ) -> None:
        with _setup_lock:
            self.queues = Queues.fresh(emulator, visibility_timeout)
            self.database_url = server.application(server.fresh())
        self._processes = contextlib.ExitStack()
        _set_max_receive_count(self.queues, max_receive_count)
        self.proxy = Proxy(emulator.url, seed)
        if retention != ORDER_QUEUE.retention:
            self._keep_for(retention)
        self.application = application
        self.database_proxy = DatabaseProxy(server.port) if database_proxy else None
        self.visibility_timeout = visibility_timeout
        self.accepted = AcceptedOrders()
        self.workers: list[Process] = []
        self.web: Process | None = None
        self._server = server
        self._database = self.database_url.rsplit("/", 1)[-1]
        self._folder = folder
        self._order_numbers = count()
        self._log_numbers = count()
        self.environment = self._environment() | (RESCUING if rescues else {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The processes first: that they cannot reach a stopped proxy is no finding.
        self._processes.close()
        if self.database_proxy is not None:
            self.database_proxy.stop()
        self.proxy.stop()
        self.queues.delete()

    # Processes

    def start_worker(self, *arguments: str, kind: type[Process] = Process, **settings: str) -> Process:
        """Start a worker, a process of this kind, and wait until it is ready."""
        log = self._folder / f"worker-{next(self._log_numbers)}.log"
        command = [BIN / "celery", "-A", self.application, "worker", *arguments]
        worker = kind(command, log, self.environment | settings)
        self._processes.callback(worker.kill)
        self.workers.append(worker)
        poll(lambda: worker.says("ready."), 60, "the worker is ready")
        return worker

    def start_web(self, **settings: str) -> Client:
        """Start the API; returns a client of it."""
        port = settings.setdefault("PORT", str(free_port()))
        command = [BIN / "gunicorn", "-c", "config/gunicorn.py", "app:create_app()"]
        web = self.web = Process(command, self._folder / "web.log", self.environment | settings)
        self._processes.callback(web.kill)
        client = self.client(port)
        poll(lambda: web.says("Listening at") and _is_alive(client), 60, "web is alive")
        return client

    def client(self, port: str) -> Client:
        """A client of the API, which may not be there yet."""
        token = issue(JWT_SECRET, USER_ID, ["orders:read", "orders:write"], timedelta(hours=1))
        return Client(f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {token}"}, RESPONSE_TIMEOUT)

    @contextlib.contextmanager
    def suspended(self, worker: Process) -> Iterator[None]:
        """Suspend a worker and its children, as when a machine is suspended."""
        # It may have ended just now: an order may have killed it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGCONT)

    # Orders

    def send(self, number: int) -> list[str]:
        """Send orders past the proxy, as a producer that no fault hits; returns their ids."""
        requests = [OrderRequest.unique(next(self._order_numbers)) for _ in range(number)]
        orders = {request.product.rsplit(" ", 1)[1]: request for request in requests}
        for start in range(0, number, BATCH):
            batch = list(orders.items())[start : start + BATCH]
            entries = [{"Id": str(i), "MessageBody": order.message(each)} for i, (each, order) in enumerate(batch)]
            response = self.queues.sqs.send_message_batch(QueueUrl=self.queues.url, Entries=entries)
            assert not response.get("Failed"), response
            for order_id, order in batch:
                self.accepted.accept(order_id, order)
        return list(orders)

    @contextlib.contextmanager
    def sending(self, rate: int = 20) -> Iterator[None]:
        """Send `rate` orders a second, evenly, as long as the block runs."""
        stopped = threading.Event()

        def send() -> None:
            while not stopped.wait(1 / rate):
                self.send(1)

        thread = threading.Thread(target=send, name="producer")
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def post(self, client: Client, key: str | None = None, order: OrderRequest | None = None) -> tuple[int, float]:
        """Post an order and record what the response means; returns the status and the seconds until it came."""
        order = order or OrderRequest.unique(next(self._order_numbers))
        started = time.monotonic()
        response = client.try_post(order.product, order.quantity, str(order.price), key)
        seconds = time.monotonic() - started
        if response.status_code == 202:
            self.accepted.accept(response.json()["orderId"], order)
        else:
            self.accepted.mark_indeterminate(order)
        return response.status_code, seconds

    def table_locked(self) -> contextlib.AbstractContextManager[None]:
        """Lock the table of orders, so that nobody reads or writes it as long as the block runs."""
        return table_locked(self._server, "orders", self._database)

    def orders_locked(self) -> contextlib.AbstractContextManager[None]:
        """Lock the table of orders, so that none is stored as long as the block runs."""
        return self._server.locked("orders", self._database)

    def is_inserting(self, worker: Process) -> bool:
        """Whether a worker waits for the database to store orders."""
        main = psutil.Process(worker.pid)
        ports = {each.laddr.port for one in (main, *main.children()) for each in one.net_connections("tcp")}
        query = f"SELECT host FROM information_schema.processlist WHERE db = '{self._database}' AND info LIKE 'INSERT%'"
        return any(int(host.rpartition(":")[2]) in ports for [host] in self._server.execute(query))

    # Outcomes

    def stored(self, ids: list[str]) -> bool:
        """Whether all these orders are rows; fails when a worker has ended."""
        self.assert_workers_run()
        names = ", ".join(f"'{order_id}'" for order_id in ids)
        [[number]] = rows(self.database_url, f"SELECT COUNT(*) FROM orders WHERE order_id IN ({names})")
        return bool(number == len(ids))

    def not_stored(self) -> int:
        """How many of the accepted orders are no rows."""
        found = {order_id for [order_id] in rows(self.database_url, "SELECT order_id FROM orders")}
        return len(self.accepted.by_id.keys() - found)

    def assert_new_orders_are_stored(self, within: float) -> None:
        """Orders sent now are stored within some seconds."""
        ids = self.send(5)
        poll(lambda: self.stored(ids), within, "new orders are stored")

    def assert_no_anomalies(self, within: float) -> None:
        """The queue is empty within some seconds, each accepted order is stored once, and the workers still run."""
        deadline = time.monotonic() + within
        while self.queues.waiting() and time.monotonic() < deadline:
            time.sleep(PAUSE)
        self.assert_workers_run()
        anomalies = find_anomalies(self.accepted, self.database_url, self.queues)
        # Several tests may share a cluster, and each fails for its own anomalies only.
        self.accepted.forget_lost(anomalies)
        assert not anomalies, f"{anomalies}\n{self._log_tails()}"

    def assert_workers_run(self) -> None:
        """The workers are the processes that were started."""
        codes = [worker.returncode for worker in self.workers]
        assert codes == [None] * len(codes), f"workers have ended with {codes}\n{self._log_tails()}"

    def _log_tails(self) -> str:
        def lines(worker: Process) -> list[str]:
            return [line[:LINE_LENGTH] for line in worker.output.splitlines() if "order persisted" not in line]

        return "\n".join(f"{worker.pid}: {line}" for worker in self.workers for line in lines(worker)[-LAST_LINES:])

    def _environment(self) -> dict[str, str]:
        """The environment variables of all processes."""
        return {
            "PYTHONPATH": str(ROOT),  # `celery` imports its extensions first, from wherever these are installed
            "APP_ENV": "production",
            "PREFLIGHT": "warn",  # the queue hides a message for less time than a task may take
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "SQS_ENDPOINT": self.proxy.url,
            "SQS_QUEUE_URL": self.proxy.through(self.queues.url),
            "SQS_DLQ_URL": self.proxy.through(self.queues.dlq_url),
            "DATABASE_URL": self._through_database_proxy(),
            "JWT_SECRET": JWT_SECRET,
            "ORDER_ID_SECRET": "the-order-id-secret-of-the-tests-alone",
        }

    def _keep_for(self, retention: int) -> None:
        """Have the queue keep messages for so many seconds, which the emulator only says."""
        attributes = {"MessageRetentionPeriod": str(retention)}
        self.queues.sqs.set_queue_attributes(QueueUrl=self.queues.url, Attributes=attributes)
        self._processes.enter_context(self.proxy.expiring(self.queues.url.rsplit("/", 1)[-1], retention))

    def _through_database_proxy(self) -> str:
        if self.database_proxy is None:
            return self.database_url
        return self.database_url.replace(f":{self._server.port}/", f":{self.database_proxy.port}/")


def _is_alive(client: Client) -> bool:
    """Whether the API answers in time."""
    try:
        return bool(client.alive())
    except requests.Timeout:  # it boots, and has much to do
        return False


def framework_warnings(worker: Process) -> list[dict[str, Any]]:
    """A worker's log lines of level warning or worse that come from celery_sqs."""
    lines = [json.loads(line) for line in worker.output.splitlines() if line.startswith("{")]
    return [
        line
        for line in lines
        if line.get("level") in {"warning", "error", "critical"} and line["logger"].startswith("celery_sqs")
    ]


def _set_max_receive_count(queues: Queues, number: int) -> None:
    """Set how often a message may be received before SQS moves it to the DLQ."""
    attributes = queues.sqs.get_queue_attributes(QueueUrl=queues.url, AttributeNames=["RedrivePolicy"])["Attributes"]
    policy = json.loads(attributes["RedrivePolicy"]) | {"maxReceiveCount": number}
    queues.sqs.set_queue_attributes(QueueUrl=queues.url, Attributes={"RedrivePolicy": json.dumps(policy)})
