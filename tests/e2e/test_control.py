"""`celery inspect`, `celery status` and `celery control` against real workers on SQS."""

import json
import os
import subprocess

import pytest
from celery import Celery

from celery_sqs.monitor.control import INSPECT_COMMANDS
from tests.polling import poll
from tests.processes import BIN, ROOT

pytestmark = pytest.mark.long

WORKER = "w1@here"


@pytest.fixture
def celery(environment):
    """A function that runs a command of Celery's to its end."""

    def run(*arguments):
        return subprocess.run(
            [BIN / "celery", "-A", "tasks", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def asked(environment):
    """A function that asks all workers one question, as the command does; returns each one's answer."""
    app = Celery("asking", control="celery_sqs.monitor.control:Control", set_as_current=False)
    app.conf.update(sqs_monitor_database=environment["DATABASE_URL"], sqs_monitor_revoke=False)
    return lambda question: app.control.inspect(timeout=10)._request(question)


def test_every_question_is_answered(start_worker, asked):
    start_worker("-c", "1", "-n", WORKER)
    answers = {question: asked(question)[WORKER] for question in INSPECT_COMMANDS if question != "query_task"}
    assert answers["ping"] == {"ok": "pong"}
    assert [name for name in answers["registered"] if "persist_order" in name]
    assert answers["active"] == answers["reserved"] == answers["scheduled"] == answers["revoked"] == []
    assert answers["stats"]["pid"] > 0
    assert "celery" in answers["report"]["ok"]


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_worker_with_another_pool_answers_too(start_worker, asked, pool):
    start_worker("-P", pool, "-n", WORKER)
    assert asked("ping") == {WORKER: {"ok": "pong"}}
    assert asked("stats")[WORKER]["pid"] > 0


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_what_runs_is_told_while_it_runs(client, start_worker, asked, mariadb_server, environment, pool):
    start_worker("-P", pool, "-c", "1", "-n", WORKER)
    first_id = client.post()
    poll(lambda: client.is_persisted(first_id), 15, "the worker runs tasks")
    with mariadb_server.locked("orders", environment["DATABASE_URL"].rsplit("/", 1)[-1]):
        order_id = client.post()
        [task] = poll(lambda: asked("active")[WORKER], 10, "the task runs")
    assert task["name"] == "persist_order"
    assert task["args"][0]["orderId"] == order_id


def test_status_counts_all_workers_and_a_destination_is_kept_to(start_worker, celery, asked, queues):
    for name in (WORKER, "w2@here"):
        start_worker("-c", "1", "-n", name)
    assert "2 nodes online" in celery("status").stdout
    one = celery("inspect", "ping", "--destination", "w2@here").stdout
    assert "w2@here" in one
    assert WORKER not in one
    names = {worker: [queue["name"] for queue in active] for worker, active in asked("active_queues").items()}
    queue = queues.url.rsplit("/", 1)[-1]
    assert names == {WORKER: [queue], "w2@here": [queue]}


def test_no_answer_tells_where_the_orders_are_kept_or_how_they_are_signed(start_worker, asked, environment):
    start_worker("-c", "1", "-n", WORKER)
    told = json.dumps([asked(question) for question in ("conf", "report", "stats")])
    assert [name for name in ("DATABASE_URL", "JWT_SECRET", "ORDER_ID_SECRET") if environment[name] in told] == []


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        (("control", "shutdown"), "SIGTERM"),
        (("control", "revoke", "some-id"), "DLQ"),
        (("inspect", "memdump"), "not possible here"),
    ],
    ids=["shutdown", "revoke", "a-question"],
)
def test_what_cannot_be_done_says_so_and_what_to_do_instead(celery, command, advice):
    refused = celery(*command)
    assert refused.returncode == os.EX_UNAVAILABLE
    assert advice in refused.stderr
    assert "Traceback" not in refused.stderr


def test_no_command_of_celerys_empties_the_queue(celery, queues):
    queues.send("an order")
    refused = celery("purge")
    assert refused.returncode == 1
    assert "is not purged" in refused.stderr
    assert "sqs_purge_allowed is not set" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert queues.waiting() == 1


def test_without_a_worker_nobody_replies(celery):
    status = celery("status")
    assert status.returncode == os.EX_UNAVAILABLE
    assert "No nodes replied" in status.stderr


def test_a_worker_answers_again_after_a_database_outage(start_worker, asked, mariadb_server):
    worker = start_worker("-c", "1", "-n", WORKER)
    with mariadb_server.gone():
        poll(lambda: worker.says("no answers to remote control for now"), 30, "the worker sees the outage")
    poll(lambda: worker.says("answers to remote control again"), 30, "it sees that the outage is over")
    assert asked("ping") == {WORKER: {"ok": "pong"}}
    assert worker.output.count("no answers to remote control for now") == 1
