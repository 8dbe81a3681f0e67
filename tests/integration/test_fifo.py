"""FIFO queues: within a group everything runs in the order of its calls, over workers, failures and a redrive."""

import json
import random
import uuid
from collections import defaultdict

import pytest

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq import REDRIVE, DeadLetterQueue, Selection, Throttle
from tests import mariadb
from tests.dead_orders import make_service, order_body
from tests.emulator import Queues
from tests.faults.proxy import Proxy
from tests.plain.systems import Here
from tests.polling import poll

UNHURRIED = Throttle(confirm_within=0.1, poll=0.05, hidden_for=1)


@pytest.fixture
def queues(emulator):
    both = Queues.fresh(emulator, 10, suffix=".fifo")
    yield both
    both.delete()


@pytest.fixture
def here(queues, emulator, tmp_path):
    database_url = f"sqlite:///{tmp_path}/orders.db"
    mariadb.migrate(database_url)
    proxy = Proxy(emulator.url)
    system = Here(queues, proxy, tmp_path, database_url)
    yield system
    system.close()
    proxy.stop()


def runs(here):
    """Task id and name of each run, in the order in which they began."""
    path = here._runs
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else []
    return [(line["id"], line["event"]) for line in lines if line["event"] in {"note", "wait"}]


@pytest.mark.long
def test_within_a_group_the_order_is_kept_over_two_workers_and_a_failing_message_and_other_groups_go_on(here):
    first = here.start_worker("-c", "2")
    here.start_worker("-c", "2")
    try:
        calls = [("a", "note"), ("a", "wait"), *[("a", "note")] * 4, *[("b", "note")] * 4]
        ids = defaultdict(list)
        for group, job in calls:
            ids[group].append(here.send(job, MessageGroupId=group).id)
        poll(lambda: len(runs(here)) == len(calls) + 1, 30, "all have run, one of them twice")
        began = [task_id for task_id, _ in runs(here)]
        note, wait, *behind = ids["a"]
        assert [each for each in began if each in ids["a"]] == [note, wait, wait, *behind]
        assert [each for each in began if each in ids["b"]] == ids["b"]
        assert began.index(ids["b"][-1]) < began.index(behind[0]), "the other group does not wait for the pause"
        poll(lambda: here.queues.waiting() == 0, 5, "all are deleted")
    finally:
        first.stop()


def test_a_redrive_keeps_group_and_order(engine, emulator, queues):
    dlq = DeadLetterQueue(Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url, queues.dlq_url, wait=0)
    service = make_service(engine, dlq, UNHURRIED)
    groups = ["a"] * 12 + ["b"] * 9
    random.Random(7).shuffle(groups)
    sent = defaultdict(list)
    for number, group in enumerate(groups):
        sent[group].append(body := order_body(quantity=number + 1))
        queues.sqs.send_message(
            QueueUrl=queues.dlq_url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=uuid.uuid4().hex
        )

    while queues.peek(queues.dlq_url):  # a scan of a FIFO queue sees the first messages of each group
        service.scan()
        service.repairs.run(service.repairs.plan(REDRIVE, Selection.all(), "ada", "mended"))

    received = defaultdict(list)
    while messages := queues.sqs.receive_message(
        QueueUrl=queues.url, MaxNumberOfMessages=1, MessageSystemAttributeNames=["All"]
    ).get("Messages"):
        [message] = messages
        received[message["Attributes"]["MessageGroupId"]].append(message["Body"])
        queues.sqs.delete_message(QueueUrl=queues.url, ReceiptHandle=message["ReceiptHandle"])
    assert received == sent
