"""Ten thousand dead messages over three queues: scanned within 20 s, sent again and confirmed within 60 s.

SQS is in memory, as the time that an emulator takes for a receive grows with its queue.
"""

import json
import threading
import time

import pytest

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq import REDRIVE, DeadLetterQueue, DeadLetterService, DeadLetterServices, Selection
from celery_sqs.dlq.attempts import TaskAttempts
from celery_sqs.monitor.engine import engine_of
from tests.shop import SEND_MAIL, make_shop

pytestmark = [pytest.mark.long, pytest.mark.alone, pytest.mark.timeout(300)]

COUNTS = {"mail": 3_334, "parcels": 3_333, "stamps": 3_333}
SCANNED_WITHIN = 20  # seconds
SENT_WITHIN = 60  # seconds; the default throttle alone takes 50

LATENCY = 0.01  # seconds of a call


class SQSInMemory:
    """A DLQ in memory, each call of which takes a moment."""

    def __init__(self, name, count):
        attributes = {"celery_task": {"DataType": "String", "StringValue": SEND_MAIL}}
        self._visible = [
            {
                "MessageId": f"{name}-{number:05}",
                "ReceiptHandle": f"{name}-{number:05}",
                "Body": json.dumps([[f"Dear {number}"], {}, {}]),
                "MessageAttributes": attributes,
                "Attributes": {"ApproximateReceiveCount": "4", "SentTimestamp": "1700000000000"},
            }
            for number in range(count)
        ]
        self._hidden = {}
        self._lock = threading.Lock()

    def receive_message(self, **parameters):
        time.sleep(LATENCY)
        with self._lock:
            taken = [self._visible.pop() for _ in self._visible[:10]]
            self._hidden |= {message["ReceiptHandle"]: message for message in taken}
        return {"Messages": taken} if taken else {}

    def send_message_batch(self, **parameters):
        return self._done(parameters["Entries"])

    def delete_message_batch(self, **parameters):
        with self._lock:
            for entry in parameters["Entries"]:
                del self._hidden[entry["ReceiptHandle"]]
        return self._done(parameters["Entries"])

    def change_message_visibility_batch(self, **parameters):
        with self._lock:
            self._visible += [self._hidden.pop(entry["ReceiptHandle"]) for entry in parameters["Entries"]]
        return self._done(parameters["Entries"])

    def _done(self, entries):
        time.sleep(LATENCY)
        return {"Successful": [{"Id": entry["Id"], "MessageId": f"new-{entry['Id']}"} for entry in entries]}


class OnMemory(DeadLetterQueue):
    sqs = None

    def __init__(self, name, count):
        super().__init__(Endpoint("us-east-1"), f"http://q/0/{name}", f"http://q/0/{name}-dlq")
        self.sqs = SQSInMemory(name, count)


@pytest.fixture
def services(tmp_path):
    shop = make_shop(tmp_path)
    # Their effects are there as soon as anybody asks: no worker's speed is measured.
    shop.tasks[SEND_MAIL].__class__.are_done = lambda self, calls: [True] * len(calls)
    engine, attempts = engine_of(shop), TaskAttempts(shop, [SEND_MAIL])
    queues = [OnMemory(name, count) for name, count in COUNTS.items()]
    yield DeadLetterServices([DeadLetterService(shop, engine, queue, attempts) for queue in queues])
    engine.dispose()


def test_they_are_scanned_and_sent_again_in_time(services):
    began_at = time.monotonic()
    assert {service.name: service.scan().found for service in services} == COUNTS
    assert time.monotonic() - began_at < SCANNED_WITHIN
    assert services.messages.counts() == COUNTS

    began_at = time.monotonic()
    for service in services:
        done = service.repairs.run(service.repairs.plan(REDRIVE, Selection.all(), "ada", "mended"))
        assert (done.state, done.confirmed, done.note) == ("done", COUNTS[service.name], "")
    assert time.monotonic() - began_at < SENT_WITHIN
    assert services.messages.count() == 0
