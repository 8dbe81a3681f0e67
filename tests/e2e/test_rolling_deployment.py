"""Two versions of the message side by side, in both orders, under load: nothing dies, all that was sent is stored."""

import itertools
import re
import sys

import pytest

from tests.mariadb import rows
from tests.polling import poll
from tests.processes import BIN, Process

pytestmark = pytest.mark.long

THIS, NEXT = "tasks", "tests.e2e.next_version"
ORDERS = 100  # that are to be sent in each state of the deployment
UNKNOWN = "order messages have a field that is not known here"


class Deployment:
    """The worker and the producer of a version each, and all that ran before them."""

    def __init__(self, environment, folder):
        self._environment = environment
        self._folder = folder
        self._numbers = itertools.count()
        self._running = {}
        self.started = []

    def deploy(self, kind, version):
        """Start a version, and stop the other one once it is there."""
        commands = {
            "worker": [BIN / "celery", "-A", version, "worker", "-c", "1", "-n", f"w{next(self._numbers)}@%h"],
            "producer": [sys.executable, "-m", "tests.e2e.producer", version],
        }
        log = self._folder / f"{kind}-{next(self._numbers)}.log"
        process = Process(commands[kind], log, self._environment)
        self.started.append((kind, version, process))
        poll(lambda: process.says("ready.") if kind == "worker" else sent_by(process), 60, f"the {kind} is there")
        self.stop(kind)
        self._running[kind] = process

    def stop(self, kind):
        if kind in self._running:
            self._running[kind].stop()

    def sent(self):
        return {order_id for kind, _, process in self.started if kind == "producer" for order_id in sent_by(process)}

    def goes_on(self):
        before = len(self.sent())
        poll(lambda: len(self.sent()) >= before + ORDERS, 60, "orders are sent")


def sent_by(producer):
    return re.findall(r"^[0-9a-f-]{36}$", producer.output, re.MULTILINE)


@pytest.fixture
def deployment(environment, tmp_path):
    one = Deployment(environment, tmp_path)
    yield one
    for _, _, process in one.started:
        process.kill()


@pytest.mark.parametrize("first", ["worker", "producer"])
def test_a_field_is_added_and_one_renamed_and_taken_back_while_orders_come_in(first, deployment, environment, queues):
    second = {"worker": "producer", "producer": "worker"}[first]
    for version, kinds in ((THIS, ("worker", "producer")), (NEXT, (first, second)), (THIS, (second, first))):
        for kind in kinds:
            deployment.deploy(kind, version)
            if len(deployment.started) > 1:
                deployment.goes_on()
    deployment.stop("producer")

    sent = deployment.sent()
    query = "SELECT order_id FROM orders"
    poll(lambda: sent <= {row[0] for row in rows(environment["DATABASE_URL"], query)}, 60, "all of them are stored")
    poll(lambda: not queues.waiting(), 30, "the queue is empty")
    assert queues.dead() == []
    assert list(rows(environment["DATABASE_URL"], "SELECT * FROM attempts")) == []
    logs = [process.output.count(UNKNOWN) for kind, version, process in deployment.started if version == THIS]
    # `currency` and `title`, once each, in every worker of this version that met messages of the next.
    assert set(logs) <= {0, 2}
    assert first == "worker" or 2 in logs
