"""A burst of requests that wait while the API boots, and are all there at once when it answers."""

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import psutil
import requests

from tests.e2e.conftest import Client
from tests.faults.accepted_orders import OrderRequest
from tests.faults.clients import ACCEPTED, NO_RESPONSE, UNAVAILABLE
from tests.faults.cluster import Cluster
from tests.faults.history import History
from tests.faults.supervisor import Supervisor
from tests.polling import PAUSE

REQUESTS: Final = 100
WRITE_DELAY: Final = 1.0  # seconds; the event writer waits for half of it

#: Connections to the database of all processes of the API: its event writers have one each, and so has whoever reads.
MAX_CONNECTIONS: Final = 8


def burst_at_boot(cluster: Cluster, supervisor: Supervisor, history: History, database_port: int) -> None:
    """Restart the API while requests wait; each is answered, and costs no connection of its own to the database."""
    supervisor.stop_web()
    with supervisor.booting_web() as client, ThreadPoolExecutor(REQUESTS) as threads:
        posts = [threads.submit(_post, cluster, client) for _ in range(REQUESTS)]
        connections = _most_connections(cluster, database_port, posts)
        responses = Counter(post.result() for post in posts)
    history.count("requests that waited for a boot", responses.total())
    history.record(f"responses to the burst: {dict(responses)}; connections to the database: {connections}")
    if not responses.keys() <= {ACCEPTED, UNAVAILABLE}:
        history.record_violation(f"responses to a burst at boot: {dict(responses)}")
    if connections > MAX_CONNECTIONS:
        history.record_violation(f"the API has {connections} connections to the database after a burst at boot")


def _most_connections(cluster: Cluster, port: int, posts: Sequence[Future[int]]) -> int:
    """The most that the API has at once, until a while after the last response: events are written later."""
    most, end = 0, time.monotonic() + WRITE_DELAY
    while time.monotonic() < end:
        most = max(most, _connections(cluster, port))
        if not all(post.done() for post in posts):
            end = time.monotonic() + WRITE_DELAY
        time.sleep(PAUSE)
    return most


def _connections(cluster: Cluster, port: int) -> int:
    """How many connections to a port the processes of the API have."""
    assert cluster.web is not None
    connections = []
    with contextlib.suppress(psutil.NoSuchProcess):  # it boots, or somebody kills it
        for process in psutil.Process(cluster.web.pid).children():
            connections += process.net_connections("tcp")
    return sum(bool(each.raddr) and each.raddr.port == port for each in connections)


def _post(cluster: Cluster, client: Client) -> int:
    """Post an order; returns the status."""
    order = OrderRequest.unique(1)
    try:
        return cluster.post(client, order=order)[0]
    except requests.RequestException:
        cluster.accepted.mark_indeterminate(order)
        return NO_RESPONSE
