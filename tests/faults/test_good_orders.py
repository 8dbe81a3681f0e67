"""No good order dies: not by orders that kill workers, not by deploys in an outage, not by a queue's retention.

Each test prints a row for the README's table; `pytest -s` shows it. `FAULTS=long` runs all of the cases, which takes an
hour; without it the shortest of each kind are run.
"""

import contextlib
import itertools
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from config.queues import ORDER_QUEUE
from orders.database import connect
from orders.store import OrderStore
from tests.faults.clients import FaultyProducer
from tests.faults.cluster import KILLING_APP, Cluster
from tests.faults.database_faults import frozen
from tests.faults.history import History
from tests.faults.kinds import SHORTEST_RETENTION
from tests.faults.oracle import find_anomalies
from tests.faults.supervisor import KILLED_BY_ORDER, Supervisor
from tests.polling import poll

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]

ALL = os.environ.get("FAULTS") == "long"

#: Killers, good orders, workers, and seconds of the visibility timeout.
KILLERS = list(itertools.product([1, 3], [200, 1000], [1, 2], [4, 30])) if ALL else [(1, 200, 1, 4), (3, 200, 2, 4)]
OUTAGES = ["gone", "gone five times", "frozen", "table locked"] if ALL else ["gone five times"]

ATTEMPTS = ORDER_QUEUE.max_receive_count
START = 10  # seconds in which a worker starts, on a machine that has other things to do

QUEUED = 2000
ROLLS = 5
STOP = 10  # seconds in which a worker ends on SIGTERM
IN_FLIGHT = 300  # orders that two workers hold when their prefetch is almost full
FILL = 3  # seconds in which they receive so many
RECOVERY = 10  # seconds that all may be stored later than without an outage

OUTAGE = 150  # seconds
INTAKE = 20  # orders a second


@pytest.fixture
def start_cluster(emulator, mariadb_server, tmp_path):
    """A function that makes a cluster, as a context manager."""

    def start(visibility_timeout, **options):
        return Cluster(emulator, mariadb_server, tmp_path, visibility_timeout, **options)

    return start


@pytest.mark.parametrize(("killers", "good", "workers", "visibility_timeout"), KILLERS)
def test_orders_that_kill_their_worker_die_alone(start_cluster, tmp_path, killers, good, workers, visibility_timeout):
    with start_cluster(visibility_timeout, application=KILLING_APP) as cluster:
        ids = _send_among(cluster, killers, good)
        history = History(tmp_path / "history.log")
        supervisor = Supervisor(cluster, history, [("--concurrency=2",)] * workers)
        supervisor.predict_end(KILLED_BY_ORDER)
        # The first time it takes along what is in flight; then it runs alone, once for each attempt.
        limit = 60 + killers * (1 + ATTEMPTS) * (visibility_timeout + START)
        started = time.monotonic()
        supervisor.start_workers()
        with supervisor.supervising():
            drained = _drained(cluster, limit)
        seconds = time.monotonic() - started
        supervisor.stop()
        anomalies = find_anomalies(cluster.accepted, cluster.database_url, cluster.queues)
        _print_row(killers, good, workers, f"{visibility_timeout} s", f"{seconds:.0f} s", cluster.proxy.sent)
        assert not anomalies, anomalies
        assert drained, f"{cluster.not_stored()} of the good orders are not stored after {limit} s"
        assert history.violations == []
        _assert_attempts(cluster, ids)


@pytest.mark.parametrize("outage", OUTAGES)
def test_ten_restarts_in_an_outage_cost_no_order_anything(start_cluster, mariadb_server, outage):
    with start_cluster(visibility_timeout=4) as cluster:
        normal = _normal_drain(cluster)
        outages = {
            "gone": [mariadb_server.gone],
            "gone five times": [mariadb_server.gone] * ROLLS,
            "frozen": [lambda: frozen(mariadb_server)],
            "table locked": [cluster.table_locked],
        }[outage]
        stops = []
        for begin in outages:
            with begin():
                if not stops:
                    cluster.send(QUEUED)
                stops += [_replace(cluster, signal.SIGTERM) for _ in range(ROLLS // len(outages))]
                for _ in range(ROLLS // len(outages)):
                    _replace(cluster, signal.SIGKILL)
        returned = time.monotonic()
        stored = _drained(cluster, normal + RECOVERY)
        seconds = time.monotonic() - returned
        _print_row(outage, f"{max(stops):.1f} s", f"{normal:.1f} s", f"{seconds:.1f} s", cluster.proxy.sent)
        missing = cluster.not_stored()
        anomalies = find_anomalies(cluster.accepted, cluster.database_url, cluster.queues)
        assert not any([anomalies.dead, anomalies.lost, anomalies.duplicated]), anomalies
        assert stored, f"{missing} orders are not stored {normal + RECOVERY:.0f} s after the outage"
        # A worker that begins to stop while a statement is under way waits for that.
        assert max(stops) <= STOP, stops


def test_an_outage_beyond_the_queues_retention_loses_no_order(start_cluster, mariadb_server):
    with start_cluster(visibility_timeout=4, retention=SHORTEST_RETENTION) as cluster:
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda _: cluster.start_worker("--concurrency=2"), range(2)))
        web = cluster.start_web()
        cluster.assert_new_orders_are_stored(10)
        with mariadb_server.gone(), cluster.sending(INTAKE):
            end = time.monotonic() + OUTAGE
            while time.monotonic() < end:
                status, _ = cluster.post(web)
                assert status == 202
                time.sleep(0.2)
        returned = time.monotonic()
        _drained(cluster, 60)
        _print_row(len(cluster.accepted.by_id), f"{time.monotonic() - returned:.1f} s", cluster.proxy.expired)
        cluster.assert_no_anomalies(within=5)


def _send_among(cluster, killers, good):
    """Send killers evenly among good orders; returns the killers' ids."""
    producer = FaultyProducer(cluster)
    share = good // (killers + 1)
    ids = []
    for _ in range(killers):
        cluster.send(share)
        ids += producer.send_killers(1)
    cluster.send(good - share * killers)
    return ids


def _assert_attempts(cluster, ids):
    """Each of these orders has exactly the attempts that a queue allows, all of them lost."""
    engine = connect(cluster.database_url)
    try:
        store = OrderStore(engine)
        kinds = {each: [attempt.kind for attempt in store.attempts_of(UUID(each))] for each in ids}
    finally:
        engine.dispose()
    assert kinds == {each: ["lost"] * ATTEMPTS for each in ids}


def _drained(cluster, limit):
    """Whether all good orders are stored and the queue is empty within some seconds."""
    with contextlib.suppress(AssertionError):
        return poll(lambda: not cluster.not_stored() and not cluster.queues.waiting(), limit, "all is stored")
    return False


def _normal_drain(cluster):
    """The seconds that two workers need for as many orders without an outage; they run on."""
    for _ in range(2):
        cluster.start_worker("--concurrency=2")
    cluster.assert_new_orders_are_stored(10)
    started = time.monotonic()
    cluster.send(QUEUED)
    assert _drained(cluster, 60)
    return time.monotonic() - started


def _replace(cluster, signum):
    """End the older of the workers and start another one; returns the seconds that the end took."""
    # A worker that receives nothing in an outage has nothing to lose: not all of them get that far.
    with contextlib.suppress(AssertionError):
        poll(lambda: cluster.queues.waiting() - cluster.queues.visible() >= IN_FLIGHT, FILL, "the workers hold orders")
    worker = cluster.workers.pop(0)
    started = time.monotonic()
    worker.send(signum)
    poll(lambda: worker.returncode is not None, 60, f"the worker ends on {signum.name}")
    seconds = time.monotonic() - started
    worker.kill()  # its children, after a SIGKILL to it alone
    cluster.start_worker("--concurrency=2")
    return seconds


def _print_row(*cells):
    sys.stdout.write("\n| " + " | ".join(map(str, cells)) + " |\n")
