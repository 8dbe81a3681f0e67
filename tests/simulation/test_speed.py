"""The simulated SQS is not the bottleneck of a benchmark."""

import contextlib
import json

import psutil
import pytest

from bench.sqs_http import BATCH, HttpQueue
from tests.emulator import Queues, Simulated

MESSAGES = 20_000
PER_SECOND = 10_000  # received and deleted, on one core


@pytest.mark.long
@pytest.mark.alone
def test_ten_thousand_messages_a_second_are_received_and_deleted_on_one_core(tmp_path):
    server = Simulated(tmp_path)
    with contextlib.closing(HttpQueue(server.url, Queues.fresh(server, 60).url)) as queue:
        text = {"DataType": "String", "StringValue": "x" * 36}
        entry = {"MessageBody": json.dumps({"order": "x" * 150}), "MessageAttributes": dict.fromkeys("abcd", text)}
        for _ in range(MESSAGES // BATCH):
            queue.send([entry] * BATCH)
        before = cpu_of(server)
        deleted = sum(queue.delete(messages) for messages in iter(queue.receive, []))
        seconds = cpu_of(server) - before
    server.stop()
    # Of its own time, as the client and whoever else runs here take the rest.
    assert (deleted, deleted / seconds >= PER_SECOND) == (MESSAGES, True), f"{deleted / seconds:.0f} a second"


def cpu_of(server):
    return sum(psutil.Process(server.pid).cpu_times()[:2])
