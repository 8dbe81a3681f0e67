"""The DLQ repaired from the command line, with web, worker and runner as real processes."""

import json

import pytest

from tests.dead_orders import bury, in_all, order_body, order_id_of
from tests.mariadb import rows
from tests.polling import poll
from tests.processes import BIN, Process

pytestmark = pytest.mark.long

REFUSE = """
CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW
IF NEW.product_name = 'explosive' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not in this house'; END IF
"""


@pytest.fixture
def start(environment, tmp_path):
    """A function that starts a command of the operator's and returns its process."""
    started = []

    def start(*arguments):
        log = tmp_path / f"flask-{len(started)}.log"
        quiet = environment | {"LOG_LEVEL": "ERROR"}
        started.append(Process([BIN / "flask", "--app", "app", *arguments], log, quiet))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def run(start):
    """A function that runs a command to its end; returns its exit code and its lines of JSON."""

    def run(*arguments):
        process = start(*arguments, "--json")
        code = process.wait(90)
        return code, [json.loads(line) for line in process.output.splitlines() if line.startswith(("{", "["))]

    return run


def test_an_order_that_died_is_found_sent_again_and_stored(
    client, start_worker, environment, queues, mariadb_server, run
):
    database = environment["DATABASE_URL"].rsplit("/", 1)[-1]
    mariadb_server.execute(REFUSE, database)
    start_worker()
    order_id = client.post(product="explosive")
    poll(lambda: in_all(queues, queues.dlq_url) == 1, 30, "the order is in the DLQ")
    assert client.state(order_id) == "dead"

    code, [listed] = run("dlq", "ls")
    assert code == 0
    [group] = listed["found"]
    assert "not in this house" in group["error"]
    code, lines = run("dlq", "redrive", "--group", group["fingerprint"], "--yes", "--reason", "too early")
    assert (code, lines[-1]["failed"]) == (1, 1), "nothing has been mended yet"
    poll(lambda: client.state(order_id) == "dead", 10, "it has died again")

    mariadb_server.execute("DROP TRIGGER refuse", database)
    code, lines = run("dlq", "redrive", "--all", "--yes", "--reason", "mended", "--as", "ada")
    assert (code, lines[-1]["confirmed"]) == (0, 1)
    assert client.state(order_id) == "persisted"

    code, [story] = run("orders", "where", order_id)
    assert (code, story["state"]) == (0, "persisted")
    whats = [entry["what"] for entry in story["entries"]]
    assert whats.count("redriven") == 2
    assert whats.count("dead") == 2
    assert {"accepted", "failed", "persisted"} <= set(whats)
    assert [entry["detail"]["operator"] for entry in story["entries"] if entry["what"] == "redriven"][1] == "ada"


def test_after_it_was_sent_again_an_order_is_not_dead(
    client, start_worker, environment, queues, mariadb_server, run, start
):
    database = environment["DATABASE_URL"].rsplit("/", 1)[-1]
    mariadb_server.execute(REFUSE, database)
    worker = start_worker()
    order_id = client.post(product="explosive")
    poll(lambda: in_all(queues, queues.dlq_url) == 1, 30, "the order is in the DLQ")
    worker.stop()
    mariadb_server.execute("DROP TRIGGER refuse", database)

    assert run("dlq", "ls")[0] == 0
    runner = start("dlq", "redrive", "--all", "--yes", "--reason", "r")
    poll(lambda: client.state(order_id) == "queued", 30, "it is queued again")
    start_worker()

    assert runner.wait(60) == 0, runner.output
    assert client.state(order_id) == "persisted"


def test_an_invalid_message_of_another_producer_is_mended_and_stored(
    start_worker, environment, queues, tmp_path, run, start
):
    start_worker()
    body = order_body(quantity="two")
    queues.send(body)
    poll(lambda: in_all(queues, queues.dlq_url) == 1, 30, "it is in the DLQ")
    _, [listed] = run("dlq", "ls")
    [group] = listed["found"]
    assert (group["error_class"], group["kind"]) == ("InvalidOrder", "permanent")
    _, [messages] = run("dlq", "ls", "--group", group["fingerprint"])
    [message] = messages["found"]
    code, [dry_run] = run("dlq", "dry-run", "--all")
    assert (code, dry_run["refused"]) == (1, 1)

    (tmp_path / "mended.json").write_text(body.replace('"two"', "2"))
    edit = ("dlq", "edit", message["message_id"], "--body", str(tmp_path / "mended.json"), "--yes", "--reason", "r")
    code, lines = run(*edit)

    assert (code, lines[-1]["confirmed"]) == (0, 1)
    stored = rows(environment["DATABASE_URL"], f"SELECT quantity FROM orders WHERE order_id = '{order_id_of(body)}'")
    assert stored == ((2,),)
    assert in_all(queues, queues.dlq_url) == 0


def test_a_redrive_that_is_killed_in_the_middle_goes_on_and_loses_nothing(
    start_worker, environment, queues, start, run
):
    start_worker()
    bodies = [order_body() for _ in range(400)]
    bury(queues, bodies)
    runner = start("dlq", "redrive", "--all", "--yes", "--json", "--reason", "mended")
    poll(lambda: any(_in_the_middle(line) for line in runner.output.splitlines()), 60, "it is in the middle")
    runner.kill()
    _, [[repair]] = run("dlq", "log")
    assert 0 < repair["waiting"] < 400

    def resume():
        code, lines = run("dlq", "resume", repair["id"])
        return lines if code == 0 else None

    # The lease of the killed process has to end first, and what it held has to be visible again.
    lines = poll(resume, 90, "another process may go on")

    assert (lines[-1]["state"], lines[-1]["confirmed"]) == ("done", 400)
    stored = {row[0] for row in rows(environment["DATABASE_URL"], "SELECT order_id FROM orders")}
    assert stored == {order_id_of(body) for body in bodies}
    assert in_all(queues, queues.dlq_url) == 0
    assert in_all(queues, queues.url) == 0
    assert lines[-1]["failed"] == lines[-1]["gone"] == 0


def _in_the_middle(line):
    return line.startswith("{") and line.endswith("}") and 100 <= json.loads(line)["waiting"] < 395
