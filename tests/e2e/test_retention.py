"""An outage of the database that is longer than the queue keeps a message loses no order."""

import threading
import time

import pytest

from tests.emulator import Queues, Simulated
from tests.mariadb import rows
from tests.polling import poll

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

RETENTION = 60  # seconds, the least that SQS has
VISIBILITY_TIMEOUT = 10  # seconds
OUTAGE = 150  # seconds
INTERVAL = 0.1  # seconds between two orders
DRAINED = 30  # seconds after the outage


@pytest.fixture
def emulator(tmp_path):
    server = Simulated(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def queues(emulator):
    return Queues.fresh(emulator, VISIBILITY_TIMEOUT, retention=RETENTION)


@pytest.fixture
def intake(client):
    """A client that posts an order every tenth of a second until it is stopped; returns the ids then."""
    return Intake(client)


class Intake:
    def __init__(self, client):
        self._client = client
        self._ids = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self):
        self._thread.start()

    def stop(self):
        self._ended.set()
        self._thread.join()
        return self._ids

    def _run(self):
        while not self._ended.wait(INTERVAL):
            self._ids.append(self._client.post(quantity=len(self._ids) + 1))


def test_without_a_worker_the_queue_deletes_what_is_too_old(emulator, queues):
    queues.send("{}")
    poll(lambda: not queues.waiting(), RETENTION + 10, "the message is deleted")
    assert emulator.deleted == 1


def test_a_worker_that_runs_when_it_begins_and_one_that_starts_in_it_lose_no_order(
    intake, client, start_worker, environment, emulator, queues, mariadb_server
):
    first = client.post()
    worker = start_worker()
    poll(lambda: client.is_persisted(first), 10, "the worker works")
    intake.start()
    mariadb_server.stop()
    try:
        began_at = time.monotonic()
        poll(lambda: worker.says("is away"), 20, "the worker has noticed")
        other = start_worker()
        time.sleep(OUTAGE - (time.monotonic() - began_at))
    finally:
        mariadb_server.start()
        posted = intake.stop()

    _assert_all_stored([first, *posted], environment, emulator, queues)
    assert not worker.says("Traceback")
    assert not other.says("Traceback")


def test_a_worker_that_starts_in_it_loses_no_order(intake, start_worker, environment, emulator, queues, mariadb_server):
    mariadb_server.stop()
    try:
        intake.start()
        worker = start_worker()
        poll(lambda: worker.says("is away"), 20, "the worker has noticed")
        time.sleep(OUTAGE)
    finally:
        mariadb_server.start()
        posted = intake.stop()

    _assert_all_stored(posted, environment, emulator, queues)


def _assert_all_stored(posted, environment, emulator, queues):
    """Each order has its row, and none was run before: no attempt is on record, and nothing was suspected."""
    url = environment["DATABASE_URL"]
    poll(lambda: rows(url, "SELECT COUNT(*) FROM orders")[0][0] == len(posted), DRAINED, "all orders are stored")
    assert {row[0] for row in rows(url, "SELECT order_id FROM orders")} == set(posted)
    assert emulator.deleted == 0
    assert rows(url, "SELECT * FROM attempts") == ()
    assert queues.dead() == []
