"""A run: orders are sent all the time, the nemesis injects faults, and the oracle reports what became of the orders."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from tests.faults.accepted_orders import AcceptedOrders
from tests.faults.clients import Clients
from tests.faults.cluster import Cluster
from tests.faults.history import History
from tests.faults.nemesis import Nemesis
from tests.faults.oracle import Anomalies, find_anomalies, visible_messages
from tests.faults.rogue_consumer import BURNT
from tests.faults.schedule import Fault
from tests.faults.supervisor import Supervisor
from tests.mariadb import MariaDB, rows
from tests.polling import PAUSE

RATE: Final = 10  # orders a second that a producer sends past the API
DRAIN_TIMEOUT: Final = 12  # visibility timeouts until the queue is empty; a message may need all its receives
RESCUE_TIMEOUT: Final = 90  # seconds more: the rescuer makes a pass a minute
RESCUE_PAUSE: Final = 10  # seconds between two looks; each hides the dead messages for a moment from the rescuer


@dataclass(frozen=True)
class Report:
    """The outcome of a run.

    Attributes:
        faults: how many of each kind were injected.
        effects: how often they had some effect, by the effect.
        accepted: orders that were accepted.
        stored: how many of these are stored.
        expected_dead: messages that must end in the DLQ.
        responses: how often clients got each HTTP status.
        max_seconds: from an order's acceptance until it was stored, at the most.
        drain_seconds: from the end of the faults until the queue was empty.
        anomalies: what the oracle found.
        violations: what else should not have happened.
    """

    faults: Counter[str]
    effects: Counter[str]
    accepted: int
    stored: int
    expected_dead: int
    responses: Counter[int]
    max_seconds: float
    drain_seconds: float
    anomalies: Anomalies
    violations: list[str]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.anomalies and not self.violations

    def __str__(self) -> str:
        return "\n".join(filter(None, [str(self.anomalies), *self.violations]))


def run(cluster: Cluster, server: MariaDB, schedule: Sequence[Fault], history: History, seed: int) -> Report:
    """Run a schedule of faults on a cluster.

    Args:
        cluster: without processes and without orders.
        server: the cluster's database server, which no other cluster uses during the run.
        schedule: in the order of the faults' starts.
        history: records all that happens.
        seed: of the clients.
    """
    supervisor = Supervisor(cluster, history)
    clients = Clients(cluster, supervisor.start(), history, seed)
    nemesis = Nemesis(cluster, server, supervisor, history, seed)
    with supervisor.supervising():
        with cluster.sending(RATE), clients.posting():
            nemesis.inject(schedule)
            supervisor.check_progress()
        drain_seconds = _drain(cluster, history)
        _wait_for_rescuer(cluster)
    supervisor.stop()
    _count_rescues(cluster, nemesis, history)
    _record_dead_messages(cluster, history)
    stored = _seconds_until_stored(cluster.accepted, cluster.database_url)
    return Report(
        faults=nemesis.injected,
        effects=history.effects,
        accepted=len(cluster.accepted.by_id),
        stored=len(stored),
        expected_dead=cluster.accepted.expected_dead.total(),
        responses=clients.responses,
        max_seconds=max(stored.values(), default=0),
        drain_seconds=drain_seconds,
        anomalies=find_anomalies(cluster.accepted, cluster.database_url, cluster.queues),
        violations=history.violations,
    )


def _drain(cluster: Cluster, history: History) -> float:
    """Wait until the queue is empty and all is stored; returns the seconds that it took.

    What is not stored though the queue is empty is in the DLQ, and may be sent again by the operator's side.
    """
    started = time.monotonic()
    timeout = DRAIN_TIMEOUT * cluster.visibility_timeout + RESCUE_TIMEOUT
    while (cluster.queues.waiting() or cluster.not_stored()) and time.monotonic() - started < timeout:
        time.sleep(PAUSE)
    if cluster.proxy.expired:
        history.count("messages deleted as too old", cluster.proxy.expired)
    history.record(f"{cluster.queues.waiting()} messages are left in the queue")
    return time.monotonic() - started


def _wait_for_rescuer(cluster: Cluster) -> None:
    """Wait while something is wrong that a pass of the rescuer may put right.

    That is a message without a reason, or with attempts left. It may be dead although its order is stored, where a
    client has posted the order again.
    """
    deadline = time.monotonic() + RESCUE_TIMEOUT
    while time.monotonic() < deadline and find_anomalies(cluster.accepted, cluster.database_url, cluster.queues):
        time.sleep(RESCUE_PAUSE)


def _count_rescues(cluster: Cluster, nemesis: Nemesis, history: History) -> None:
    """Count what the rescuer has sent again. Only a consumer that does nothing with messages can use up receives."""
    found = rows(
        cluster.database_url,
        "SELECT i.message_id FROM repair_items i JOIN repairs r ON r.id = i.repair_id "
        "WHERE r.action = 'rescue' AND i.sent_at IS NOT NULL",
    )
    history.count("dead messages sent again by the rescuer", len(found))
    if found and not nemesis.injected[BURNT]:
        history.record_violation(f"dead with attempts left, and sent again: {[message_id for (message_id,) in found]}")


def _record_dead_messages(cluster: Cluster, history: History) -> None:
    """The workers' logs name messages by their SQS ids: record the body of each."""
    for message in visible_messages(cluster.queues, cluster.queues.dlq_url):
        history.record(f"in the DLQ: message {message['MessageId']}: {message['Body']}")


def _seconds_until_stored(accepted: AcceptedOrders, database_url: str) -> dict[str, float]:
    """How many seconds after its acceptance each accepted order was stored, by order id."""
    at = accepted.accepted_at
    stored = rows(database_url, "SELECT order_id, persisted_at FROM orders")
    return {each: (when.replace(tzinfo=UTC) - at[each]).total_seconds() for each, when in stored if each in at}
