"""No process has more connections to the database than Terraform reserves for it."""

import contextlib
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from sqlalchemy import make_url

from tests.e2e.conftest import Client
from tests.polling import poll
from tests.processes import BIN, ROOT, Process, listens

LIMITS = (ROOT / "terraform" / "compute" / "limits.tf").read_text()
AT_ONCE = 40  # requests
BURST = 100  # requests that wait while a web process boots
PROCESSES = 2  # of the worker's pool
POISON = 30


def reserved(name):
    """What Terraform reserves: a sum of numbers."""
    [terms] = re.findall(rf"^  connections_per_{name} = ([\d +]+)$", LIMITS, re.MULTILINE)
    return sum(int(term) for term in terms.split("+"))


class Connections:
    """Counts the connections of processes to a port, and keeps the most that each had at once."""

    def __init__(self, port):
        self._port = port
        self._over = threading.Event()
        self.most = {}

    def of(self, pid):
        """How many a process has now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            sockets = psutil.Process(pid).net_connections("tcp")
            return sum(bool(each.raddr) and each.raddr.port == self._port for each in sockets)
        return 0

    @contextlib.contextmanager
    def sampled(self, pids):
        """Sample the numbers as long as the block runs."""
        thread = threading.Thread(target=self._sample, args=(pids,))
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _sample(self, pids):
        while not self._over.wait(0.01):
            for pid in pids:
                self.most[pid] = max(self.most.get(pid, 0), self.of(pid))


@pytest.fixture
def connections(environment):
    return Connections(make_url(environment["DATABASE_URL"]).port)


def serving(port):
    """The processes that have a port's socket: gunicorn's and its children."""
    sockets = psutil.net_connections("tcp")
    return {each.pid for each in sockets if each.status == psutil.CONN_LISTEN and each.laddr.port == port}


@pytest.mark.long
def test_a_web_process_keeps_to_its_share(client, connections, environment):
    client.post()
    with connections.sampled(serving(int(environment["PORT"]))), ThreadPoolExecutor(AT_ONCE) as readers:
        answers = [readers.submit(client.get, "/api/v1/orders") for _ in range(AT_ONCE * 10)]
        client.post()
        assert {answer.result().status_code for answer in answers} == {200}
    assert 1 < max(connections.most.values()) <= reserved("web_process")


def test_requests_that_wait_while_a_web_process_boots_get_it_one_event_writer(
    environment, tmp_path, token, mariadb_server
):
    """Each event writer has a connection of its own, and posting takes no other."""
    command = [BIN / "gunicorn", "-c", "config/gunicorn.py", "app:create_app()"]
    web = Process(command, tmp_path / "web.log", environment)
    http = Client(f"http://127.0.0.1:{environment['PORT']}", token())
    try:
        poll(lambda: listens(int(environment["PORT"])), 30, "gunicorn listens, and its process boots")
        with ThreadPoolExecutor(BURST) as clients:
            answers = list(clients.map(lambda _: http.try_post().status_code, range(BURST)))
        assert set(answers) == {202}
        name = make_url(environment["DATABASE_URL"]).database
        sent = "SELECT COUNT(*) FROM task_state"
        poll(lambda: mariadb_server.execute(sent, name) == ((BURST,),), 20, "all events are written")
        open_ones = f"SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{name}' AND user <> 'root'"
        assert mariadb_server.execute(open_ones) == ((1,),)
    finally:
        web.kill()


def test_a_worker_keeps_to_its_share(client, start_worker, connections, environment, queues):
    worker = start_worker("-c", str(PROCESSES))
    pool = [child.pid for child in psutil.Process(worker.pid).children()]
    assert len(pool) == PROCESSES
    with connections.sampled([worker.pid, *pool]):
        for number in range(POISON):
            queues.send(f"no JSON {number}")  # the main process records why it fails
            client.post(quantity=number + 1)
        command = [BIN / "celery", "-A", "tasks", "inspect", "ping"]
        subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True)
        poll(lambda: len(queues.peek(queues.dlq_url)) > 0 and queues.waiting() == 0, 20, "all is settled")
    # One process of the pool may well have stored every batch.
    assert max(connections.most[pid] for pid in pool) == reserved("worker_process")
    assert 1 < connections.most[worker.pid] <= reserved("worker_main")
