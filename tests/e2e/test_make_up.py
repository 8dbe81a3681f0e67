"""`make up` and `make demo` as a developer runs them: real processes on free ports."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import boto3
import psutil
import pytest
import requests

from config.queues import ORDER_QUEUE
from config.settings import DEVELOPMENT_DEFAULTS
from orders.identity import Identity
from tests.polling import poll
from tests.processes import BIN, ROOT, Process, free_port

USER_ID = 1  # whose token is printed


class MakeUp:
    """What `make up` runs, without make. It can be stopped and started again."""

    def __init__(self, folder):
        self._folder = folder
        self._starts = 0
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        port, flower_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.flower = f"http://127.0.0.1:{flower_port}"
        self.environment = {
            "APP_ENV": "development",
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PORT": str(port),
            "SQS_ENDPOINT": self.endpoint,
            "DATABASE_URL": f"sqlite:///{folder}/orders.db",
            "FLOWER_PORT": str(flower_port),
        }

    def start(self):
        self._starts += 1
        self.process = self.run("dev.up", "--state", self._folder / "state", log=f"up-{self._starts}.log")
        poll(lambda: self.process.says("limit=1"), 60, "the banner is printed")

    def run(self, module, *arguments, log="run.log", **settings):
        command = [sys.executable, "-m", module, *arguments]
        return Process(command, self._folder / log, self.environment | settings)

    def curl_line(self, what):
        """The printed line under a heading."""
        return re.search(rf"^{what}.*\n(curl .*)$", self.process.output, re.MULTILINE)[1]

    def headers(self):
        token = re.search(r"Token +(\S+)", self.process.output)[1]
        return {"Authorization": f"Bearer {token}"}

    def order(self, order_id):
        return requests.get(f"{self.url}/api/v1/orders/{order_id}", headers=self.headers(), timeout=5).json()

    def groups(self):
        """The process groups that honcho has started."""
        return {int(pid) for pid in re.findall(r"started \(pid=(\d+)\)", self.process.output)}


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    running = MakeUp(tmp_path_factory.mktemp("up"))
    try:
        running.start()
        yield running
    finally:
        running.process.stop()


def test_prints_its_addresses_once_everything_is_up(up):
    for name in ("Readiness", "Its docs"):
        address = re.search(rf"{name} +(http\S+)", up.process.output)[1]
        assert requests.get(address, timeout=5).ok
    address, name, password = re.search(r"Flower +(http\S+) \((\S+), (\S+)\)", up.process.output).groups()
    assert requests.get(address, timeout=5).status_code == 401
    assert requests.get(address, auth=(name, password), timeout=5).ok
    assert up.process.output.index("celery@") < up.process.output.index("Everything is up")


def test_the_printed_lines_post_an_order_and_read_it_back(up):
    posted = _curl(up.curl_line("Post an order"))
    assert posted.startswith("HTTP/1.1 202")
    order_id = _body(posted)["orderId"]
    poll(lambda: up.order(order_id)["state"] == "persisted", 3, "the order is persisted")
    assert _body(_curl(up.curl_line("Read it back")))["orders"][0]["orderId"] == order_id


def test_listens_on_loopback_only(up):
    listening = {
        connection.laddr
        for process in _processes(up.groups())
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert {f"http://127.0.0.1:{address.port}" for address in listening} == {up.url, up.endpoint, up.flower}


def test_a_demo_adds_up(up):
    demo = up.run("dev.demo", "--orders", "40", "--rate", "40", log="demo.log")
    assert demo.wait(60) == 0, demo.output
    assert "It adds up: 38 accepted = 36 persisted + 2 dead." in demo.output


def test_a_demo_that_does_not_add_up_in_time_says_what_is_missing(up):
    demo = up.run("dev.demo", "--orders", "40", "--rate", "1", "--timeout", "2", log="late-demo.log")
    assert demo.wait(30) == 1
    assert re.search(r"make demo: after \d+ s it does not add up: .*3\d without an answer", demo.output)


def test_a_demo_without_make_up_says_so_in_one_line(up):
    demo = up.run("dev.demo", log="lonely-demo.log", PORT=str(free_port()))
    assert demo.wait() == 1
    assert re.fullmatch(r"make demo: .*start `make up`.*\n", demo.output)


@pytest.mark.parametrize("variable", ["PORT", "SQS_ENDPOINT", "FLOWER_PORT"])
def test_a_taken_port_is_named_in_one_line(up, variable):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = {
            "PORT": str(free_port()),
            "SQS_ENDPOINT": f"http://127.0.0.1:{free_port()}",
            "FLOWER_PORT": str(free_port()),
        }
        in_the_way = f"http://127.0.0.1:{port}" if variable == "SQS_ENDPOINT" else str(port)
        refused = up.run("dev.up", log=f"taken-{variable}.log", **free | {variable: in_the_way})
        assert refused.wait() == 1
    assert re.fullmatch(rf"make up: port {port} is not free .* with {variable}\.\n", refused.output)


def test_an_endpoint_beyond_this_machine_is_refused(up):
    refused = up.run("dev.up", log="beyond.log", SQS_ENDPOINT="http://sqs.example:4566")
    assert refused.wait() == 1
    assert re.fullmatch(r"make up: SQS_ENDPOINT is http://sqs\.example:4566, .*\n", refused.output)


@pytest.mark.long
def test_ctrl_c_leaves_no_process_and_keeps_what_waits_in_the_queue(up):
    groups = up.groups()
    order_id = _send_delayed(up.endpoint, seconds=6)
    assert up.order(order_id)["state"] == "queued"
    stopping = time.monotonic()
    up.process.send(signal.SIGINT)
    assert up.process.wait() == 0
    assert time.monotonic() - stopping < 6, "the order may have become visible before the end"
    poll(lambda: not _processes(groups), 2, "all processes have ended")
    up.start()
    poll(lambda: up.order(order_id)["state"] == "persisted", 15, "the order that waited is persisted")


def test_runs_the_commands_of_production():
    production, development = ((ROOT / name).read_text() for name in ("Procfile", "Procfile.dev"))
    commands = re.findall(r"^\w+: (.+)$", production, re.MULTILINE)
    assert commands
    assert [command for command in commands if command not in development] == []


def _curl(line):
    return subprocess.run(
        ["bash", "-c", line], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
    ).stdout


def _body(answer):
    """The JSON that stands behind the headers."""
    return json.loads(answer.split("\n\n", 1)[1])


def _send_delayed(endpoint, seconds):
    """Send a good order that SQS shows to nobody for some seconds; returns its id."""
    sqs = boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    order_id = str(Identity(DEVELOPMENT_DEFAULTS["ORDER_ID_SECRET"]).issue(USER_ID))
    message = {
        "orderId": order_id,
        "userId": USER_ID,
        "productName": "Widget",
        "quantity": 2,
        "totalPrice": 99.90,
        "status": "pending",
        "timestamp": datetime.now(UTC).isoformat(),
    }
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=ORDER_QUEUE.name)["QueueUrl"],
        MessageBody=json.dumps(message),
        DelaySeconds=seconds,
    )
    sqs.close()
    return order_id


def _processes(groups):
    """The processes that belong to these groups."""
    return [process for process in psutil.process_iter() if _group(process) in groups]


def _group(process):
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None
