"""A burst of requests that wait while the API boots, and are all there at once when it answers."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import requests

from tests.e2e.conftest import Client
from tests.faults.accepted_orders import OrderRequest
from tests.faults.clients import ACCEPTED, NO_RESPONSE, UNAVAILABLE
from tests.faults.cluster import Cluster
from tests.faults.history import History
from tests.faults.supervisor import Supervisor

REQUESTS: Final = 100

#: Connections to the database of all processes of the API: its event writers have one each, and so has whoever reads.
MAX_CONNECTIONS: Final = 8


def burst_at_boot(cluster: Cluster, supervisor: Supervisor, history: History, database_port: int) -> None:
    """Restart the API while requests wait; each is answered, and costs no connection of its own to the database."""
    supervisor.stop_web()
    with supervisor.booting_web() as client, ThreadPoolExecutor(REQUESTS) as threads:
        responses = Counter(threads.map(lambda _: _post(cluster, client), range(REQUESTS)))
    history.count("requests that waited for a boot", responses.total())
    history.record(f"responses to the burst: {dict(responses)}")
    if not responses.keys() <= {ACCEPTED, UNAVAILABLE}:
        history.record_violation(f"responses to a burst at boot: {dict(responses)}")
    connections = supervisor.database_connections(database_port)
    history.record(f"connections of the API to the database: {connections}")
    if connections > MAX_CONNECTIONS:
        history.record_violation(f"the API has {connections} connections to the database after a burst at boot")


def _post(cluster: Cluster, client: Client) -> int:
    """Post an order; returns the status."""
    order = OrderRequest.unique(1)
    try:
        return cluster.post(client, order=order)[0]
    except requests.RequestException:
        cluster.accepted.mark_indeterminate(order)
        return NO_RESPONSE
