"""Clients in Node that have never heard of Celery: of the queue, and of the API by its description alone."""

import json
import os
import subprocess

import pytest

from tests.mariadb import rows
from tests.polling import poll
from tests.processes import BIN, ROOT

FOLDER = ROOT / "tests" / "node"
TIMEOUT = 180  # seconds; installing may be slow

#: As the architecture decision spells it.
ORDER = {
    "orderId": "5f0c1a34-9d1c-4c62-8b3a-0d6f3c1f5e11",
    "userId": 123,
    "productName": "Teekännchen ☕",
    "quantity": 2,
    "totalPrice": 99.99,
    "status": "pending",
    "timestamp": "2026-01-24T12:00:00Z",
}


@pytest.fixture(scope="session")
def installed():
    """The client's packages, as its lock file pins them."""
    wanted, present = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".package-lock.json"
    if not present.exists() or present.stat().st_mtime < wanted.stat().st_mtime:
        command = [BIN / "npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"]
        npm = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        assert npm.returncode == 0, npm.stderr


@pytest.fixture
def node(installed, emulator, queues):
    """A function that runs one of the scripts; returns what it prints."""

    def run(script, text=""):
        return run_in_folder(["node", script], text, SQS_ENDPOINT=emulator.url, SQS_QUEUE_URL=queues.url)

    return run


def run_in_folder(command, text="", **environment):
    ended = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=FOLDER,
        env={"PATH": f"{BIN}:{os.environ['PATH']}", **environment},
        input=text,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_an_order_sent_by_a_node_client_is_persisted(node, start_worker, environment, queues):
    start_worker()

    node("send.js", json.dumps(ORDER))

    stored = "SELECT order_id, user_id, product_name, quantity, total_price FROM orders"
    [[order_id, user_id, product_name, quantity, total_price]] = poll(
        lambda: rows(environment["DATABASE_URL"], stored), 10, "the order is persisted"
    )
    assert (order_id, user_id, product_name, quantity) == (ORDER["orderId"], 123, ORDER["productName"], 2)
    assert str(total_price) == "99.99"
    poll(lambda: not queues.waiting(), 5, "the message is deleted")
    assert queues.dead() == []


def test_an_order_of_our_api_is_the_plain_object_to_a_node_client(node, client):
    answer = client.try_post(product="Teekännchen ☕", quantity=2, price="99.90")

    order = json.loads(node("receive.js"))

    assert list(order) == list(ORDER)
    accepted = answer.json()
    assert order.pop("timestamp").endswith("Z")
    assert order == {
        "orderId": accepted["orderId"],
        "userId": 1,
        "productName": "Teekännchen ☕",
        "quantity": 2,
        "totalPrice": 99.90,
        "status": "pending",
    }


@pytest.mark.long
def test_a_generated_client_posts_waits_repeats_and_reads_by_the_description_alone(
    installed, client, token, start_worker
):
    start_worker()
    run_in_folder(["npm", "run", "generate"], OPENAPI_URL=f"{client.url}/api/openapi.json")
    _, _, jwt = token()["Authorization"].partition(" ")

    followed = json.loads(run_in_folder(["node", "generated/follow.js"], API_URL=client.url, TOKEN=jwt, KEY="basket-1"))

    assert len(set(followed["ids"])) == 1
    assert followed["states"] == ["queued", "persisted", "persisted", "persisted"]
    assert followed["statuses"] == [202, 200, 200, 422, 200]
    assert followed["applied"] == "wait=30"
    assert followed["refused"] == ["Idempotency-Key"]
    assert (followed["product"], followed["price"]) == ("Teekännchen ☕", 99.9)
