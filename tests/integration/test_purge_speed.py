"""Purging keeps up with 2000 tasks a second, and whoever writes events meanwhile hardly notices."""

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from sqlalchemy import text

from celery_sqs.monitor.housekeeping.purge import purge
from celery_sqs.monitor.task_events import to_row
from celery_sqs.monitor.task_states import TaskStates
from orders.database import connect
from tests.mariadb import MariaDB

#: Filling the table takes a minute where nothing else runs.
pytestmark = [pytest.mark.long, pytest.mark.alone, pytest.mark.timeout(900)]

OLD = 500_000
KEPT = 50_000
PER_SECOND = 2000  # tasks that come in, so as many have to go

MOST_CPU = 0.5  # seconds of the server's, for what comes in within a second, and for writing it
LONGEST_WRITE = 2.0  # seconds
LONGEST = 2 * OLD / PER_SECOND  # seconds of a busy machine, after which the rest is left

FILL = f"""INSERT INTO task_state (task_id, version, name, state, subject, message_id, worker, receive_count, args,
    kwargs, sent_at, received_at, started_at, finished_at, changed_at)
    SELECT id, 10, 'persist_order', 'SUCCESS', id, id, 'worker@host', 1, REPEAT('x', 250), '{{}}', at, at, at, at, at
    FROM (SELECT MD5(seq) AS id, UTC_TIMESTAMP(6) - INTERVAL seq * {1_000_000 // PER_SECOND} MICROSECOND
    - INTERVAL IF(seq <= {KEPT}, 0, 8) DAY AS at FROM seq_1_to_{KEPT + OLD}) AS instants ORDER BY id"""

#: MariaDB's own defaults are for a machine with little memory. RDS gives three quarters of it to the pool.
OPTIONS = ("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M")


@pytest.fixture
def server(tmp_path):
    server = MariaDB(tmp_path, *OPTIONS)
    yield server
    server.stop()


@pytest.fixture
def engine(server):
    url = server.fresh()
    server.execute(FILL, url.rsplit("/", 1)[-1])
    engine = connect(server.application(url))
    yield engine
    engine.dispose()


class Writing:
    """Writes events of 1000 tasks each half second, as a worker at its fastest, and keeps the longest write."""

    def __init__(self, engine):
        self._task_states = TaskStates(engine)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.longest, self.writes = 0.0, 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.wait(0.5):
            fields = {"name": "persist_order", "receive_count": 1, "sent_at": time.time(), "args": "x" * 250}
            rows = [
                to_row("task-succeeded", time.time(), "worker@here", fields | {"uuid": f"{self.writes}-{number}"})
                for number in range(1000)
            ]
            began = time.monotonic()
            self._task_states.write(rows, Counter())
            self.longest = max(self.longest, time.monotonic() - began)
            self.writes += 1


def test_a_day_that_is_over_is_deleted_faster_than_another_one_comes_in(engine, server):
    before, database = datetime.now(UTC) - timedelta(days=7), psutil.Process(server.pid)
    with Writing(engine) as writing:
        used = sum(database.cpu_times()[:2])
        began = time.monotonic()
        deleted = purge(engine, before, lambda: time.monotonic() - began < LONGEST)
        took, used = time.monotonic() - began, sum(database.cpu_times()[:2]) - used
    measured = f"{took:.0f} s, {used:.0f} s of CPU; {writing.writes} writes, the longest {writing.longest:.2f} s"
    assert deleted == OLD
    with engine.connect() as connection:
        left = connection.scalar(text("SELECT COUNT(*) FROM task_state WHERE changed_at > :before"), {"before": before})
    assert left == KEPT + 1000 * writing.writes
    # Other tests may have the processors meanwhile, so what counts is how much of them it needs.
    assert used / deleted * PER_SECOND < MOST_CPU, measured
    assert writing.longest < LONGEST_WRITE, measured
