"""The nemesis: it injects the faults of a schedule into a cluster, each at its time."""

import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.faults.boot_burst import burst_at_boot
from tests.faults.clients import FaultyProducer
from tests.faults.cluster import Cluster
from tests.faults.database_faults import flushed_with_read_lock, frozen
from tests.faults.history import History
from tests.faults.kinds import RETENTION_PASSED
from tests.faults.rogue_consumer import burning_receives
from tests.faults.schedule import Fault
from tests.faults.supervisor import KILLED_BY_ORDER, Supervisor
from tests.mariadb import MariaDB

BURST: Final = 300  # orders at once
BUSY: Final = 60  # orders that make it likely that a worker has some in flight
MANY: Final = 40  # invalid orders at once

Injection = contextlib.AbstractContextManager[None]
Injections = dict[str, Callable[[], Injection]]


class Nemesis:
    """Injects faults into a cluster.

    Args:
        cluster: to inject faults into.
        server: the cluster's database server, which no other cluster uses during the run.
        supervisor: of the cluster's processes.
        history: records each fault.
        seed: of what the faults themselves draw.

    Attributes:
        injected: how many faults of each kind were injected.
    """

    def __init__(
        self, cluster: Cluster, server: MariaDB, supervisor: Supervisor, history: History, seed: int = 0
    ) -> None:
        self.injected: Counter[str] = Counter()
        self._cluster = cluster
        self._server = server
        self._supervisor = supervisor
        self._history = history
        self._seed = seed
        self._producer = FaultyProducer(cluster)
        self._over = threading.Event()

    def inject(self, schedule: Sequence[Fault]) -> None:
        """Inject all faults, and return when the last one is over."""
        targets = {fault.target: threading.Lock() for fault in schedule}
        started = time.monotonic()
        self._history.start_clock()

        def inject(fault: Fault) -> None:
            self._over.wait(started + fault.start - time.monotonic())
            if not self._over.is_set():
                with targets[fault.target]:
                    self._inject(fault)

        with ThreadPoolExecutor(len(schedule) + 1) as threads:
            try:
                list(threads.map(inject, schedule))
            finally:
                self._over.set()  # an interrupted run ends at once
        self._history.record("all faults are over")

    def _inject(self, fault: Fault) -> None:
        self._history.record(f"begins: {fault}")
        end = time.monotonic() + fault.duration
        if "worker" in fault.target or fault.target in {"deploy", "receives burnt"}:
            self._cluster.send(BUSY)
        # The injection itself has failed then, and not what it tests; the other faults go on.
        try:
            with self._injection(fault):
                self.injected[fault.kind] += 1
                if fault.target == "database":
                    # Why these fail cannot be recorded now, and they use up their receives soon.
                    self._producer.send_invalid(MANY)
                self._over.wait(max(0.0, end - time.monotonic()))
        except Exception as error:
            self._history.record_violation(f"not injected: {fault}: {error!r}")
        self._history.record(f"ends:   {fault}")

    def _injection(self, fault: Fault) -> Injection:
        injections = {
            **self._process_injections(fault),
            **self._database_injections(),
            **self._sqs_injections(),
            **self._message_injections(),
        }
        return injections[fault.kind]()

    def _process_injections(self, fault: Fault) -> Injections:
        supervisor = self._supervisor
        return {
            "worker killed": lambda: supervisor.worker_killed(fault.worker),
            "worker suspended": lambda: supervisor.worker_suspended(fault.worker),
            "child killed": lambda: supervisor.child_killed(fault.worker),
            "child suspended": lambda: supervisor.child_suspended(fault.worker),
            "stderr stuck": lambda: supervisor.stderr_stuck(fault.worker),
            "deploy, new workers first": lambda: contextlib.nullcontext(supervisor.deploy(new_first=True)),
            "deploy, old workers first": lambda: contextlib.nullcontext(supervisor.deploy(new_first=False)),
            "web restarted": lambda: contextlib.nullcontext(supervisor.restart_web()),
            "web killed": supervisor.web_killed,
            "burst at boot": lambda: contextlib.nullcontext(self._burst_at_boot()),
        }

    def _database_injections(self) -> Injections:
        server = self._server
        return {
            "database killed": server.gone,
            "database suspended": server.suspended,
            "database read-only": server.read_only,
            "database out of connections": server.out_of_connections,
            "table locked": self._cluster.table_locked,
            "tables flushed with read lock": lambda: flushed_with_read_lock(server),
            "database frozen": lambda: frozen(server),
            "database answers 9001": self._answering_9001,
            "deploys in an outage": lambda: self._rolled_in_outage(signal.SIGTERM),
            "kills in an outage": lambda: self._rolled_in_outage(signal.SIGKILL),
            RETENTION_PASSED: server.gone,
        }

    def _sqs_injections(self) -> Injections:
        proxy = self._cluster.proxy
        return {
            "SQS fails": lambda: proxy.failing(share=0.5),
            "SQS throttles": lambda: proxy.throttling(share=0.5),
            "SQS hangs": lambda: proxy.hanging(share=0.2),
            "SQS refuses connections": proxy.refusing,
            "SQS resets connections": lambda: proxy.resetting(share=0.5),
            "send responses lost": lambda: proxy.losing_responses("SendMessage", "SendMessageBatch", share=0.5),
            "receive responses lost": lambda: proxy.losing_responses("ReceiveMessage", share=0.3),
            "delete responses lost": lambda: proxy.losing_responses("DeleteMessage", "DeleteMessageBatch"),
            "credentials gone": proxy.expired_credentials,
        }

    def _message_injections(self) -> Injections:
        proxy, producer = self._cluster.proxy, self._producer
        return {
            "messages duplicated": proxy.duplicating,
            "messages replayed": proxy.replaying,
            "receives burnt": lambda: burning_receives(self._cluster.queues, self._history, self._seed),
            "burst of orders": lambda: contextlib.nullcontext(self._cluster.send(BURST)),
            "killer order": lambda: contextlib.nullcontext(self._send_killers(1)),
            "three killer orders": lambda: contextlib.nullcontext(self._send_killers(3)),
            "poison messages": lambda: contextlib.nullcontext(producer.send_poison()),
            "invalid orders": lambda: contextlib.nullcontext(producer.send_invalid()),
            "conflicting orders": lambda: contextlib.nullcontext(producer.send_conflicting()),
        }

    def _send_killers(self, number: int) -> None:
        """Send orders that kill, among good ones."""
        self._supervisor.predict_end(KILLED_BY_ORDER)
        self._cluster.send(BUSY)
        self._producer.send_killers(number)
        self._cluster.send(BUSY)

    def _burst_at_boot(self) -> None:
        database_proxy = self._cluster.database_proxy
        port = self._server.port if database_proxy is None else database_proxy.port
        burst_at_boot(self._cluster, self._supervisor, self._history, port)

    @contextlib.contextmanager
    def _answering_9001(self) -> Iterator[None]:
        proxy = self._cluster.database_proxy
        assert proxy is not None, "the cluster has no proxy before its database"
        with proxy.rejecting():
            yield
        self._history.count("statements refused with 9001", proxy.refused)

    @contextlib.contextmanager
    def _rolled_in_outage(self, signum: signal.Signals) -> Iterator[None]:
        """An outage that is over when all workers have been replaced three times."""
        with self._server.gone():
            self._cluster.send(BURST)
            self._supervisor.roll(signum)
            yield
