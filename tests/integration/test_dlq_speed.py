"""Ten thousand dead messages over three queues: scanned within 20 s, sent again and confirmed within 60 s."""

import json
import time

import pytest

from celery_sqs.dlq import REDRIVE, DeadLetterServices, Selection
from tests.dead_orders import bury
from tests.emulator import Queues
from tests.shop import SEND_MAIL, make_shop

pytestmark = [pytest.mark.long, pytest.mark.alone, pytest.mark.timeout(300)]

COUNTS = {"mail": 3_334, "parcels": 3_333, "stamps": 3_333}
SCANNED_WITHIN = 20  # seconds
SENT_WITHIN = 60  # seconds; the default throttle alone takes 50


@pytest.fixture
def several(emulator):
    made = {name: Queues.fresh(emulator, 30) for name in COUNTS}
    yield made
    for queues in made.values():
        queues.delete()


@pytest.fixture
def services(several, emulator, tmp_path):
    urls = {name: queues.url for name, queues in several.items()}
    shop = make_shop(tmp_path, urls.pop("mail"), urls, endpoint_url=emulator.url)
    # Their effects are there as soon as anybody asks: no worker's speed is measured.
    shop.tasks[SEND_MAIL].__class__.are_done = lambda self, calls: [True] * len(calls)
    services = DeadLetterServices.of(shop)
    yield services
    services.engine.dispose()


def test_they_are_scanned_and_sent_again_in_time(services, several):
    task = {"celery_task": {"DataType": "String", "StringValue": SEND_MAIL}}
    for name, count in COUNTS.items():
        bury(several[name], [json.dumps([[f"Dear {number}"], {}, {}]) for number in range(count)], **task)
    began_at = time.monotonic()
    assert {service.name: service.scan().found for service in services} == COUNTS
    scanned_in = time.monotonic() - began_at
    assert services.messages.counts() == COUNTS

    began_at = time.monotonic()
    for service in services:
        done = service.repairs.run(service.repairs.plan(REDRIVE, Selection.all(), "ada", "mended"))
        assert (done.state, done.confirmed, done.note) == ("done", COUNTS[service.name], "")
    sent_in = time.monotonic() - began_at
    assert services.messages.count() == 0
    assert (scanned_in < SCANNED_WITHIN, sent_in < SENT_WITHIN) == (True, True), f"{scanned_in:.1f} s, {sent_in:.1f} s"
    print(f"scanned in {scanned_in:.1f} s, sent again in {sent_in:.1f} s")  # noqa: T201
