"""The nemesis: it injects the faults of a schedule into a cluster, each at its time."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.faults.clients import FaultyProducer
from tests.faults.cluster import Cluster
from tests.faults.history import History
from tests.faults.schedule import Fault
from tests.faults.supervisor import Supervisor
from tests.mariadb import MariaDB

BURST: Final = 300  # orders at once
BUSY: Final = 60  # orders that make it likely that a worker has some in flight
MANY: Final = 40  # invalid orders at once

Injection = contextlib.AbstractContextManager[None]


class Nemesis:
    """Injects faults into a cluster.

    Args:
        cluster: to inject faults into.
        server: the cluster's database server, which no other cluster uses during the run.
        supervisor: of the cluster's processes.
        history: records each fault.
    """

    def __init__(self, cluster: Cluster, server: MariaDB, supervisor: Supervisor, history: History) -> None:
        self._cluster = cluster
        self._server = server
        self._supervisor = supervisor
        self._history = history
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
        if "worker" in fault.target or fault.target == "deploy":
            self._cluster.send(BUSY)
        # The injection itself has failed then, and not what it tests; the other faults go on.
        try:
            with self._injection(fault):
                if fault.target == "database":
                    # Why these fail cannot be recorded now, and they use up their receives soon.
                    self._producer.send_invalid(MANY)
                self._over.wait(fault.duration)
        except Exception as error:
            self._history.record_violation(f"not injected: {fault}: {error!r}")
        self._history.record(f"ends:   {fault}")

    def _injection(self, fault: Fault) -> Injection:
        supervisor, producer, server = self._supervisor, self._producer, self._server
        injections: dict[str, Callable[[], Injection]] = {
            "worker killed": lambda: supervisor.worker_killed(fault.worker),
            "worker suspended": lambda: supervisor.worker_suspended(fault.worker),
            "child killed": lambda: supervisor.child_killed(fault.worker),
            "child suspended": lambda: supervisor.child_suspended(fault.worker),
            "deploy, new workers first": lambda: contextlib.nullcontext(supervisor.deploy(new_first=True)),
            "deploy, old workers first": lambda: contextlib.nullcontext(supervisor.deploy(new_first=False)),
            "web restarted": lambda: contextlib.nullcontext(supervisor.restart_web()),
            "web killed": supervisor.web_killed,
            "database killed": server.gone,
            "database suspended": server.suspended,
            "database read-only": server.read_only,
            "database out of connections": server.out_of_connections,
            "burst of orders": lambda: contextlib.nullcontext(self._cluster.send(BURST)),
            "poison messages": lambda: contextlib.nullcontext(producer.send_poison()),
            "invalid orders": lambda: contextlib.nullcontext(producer.send_invalid()),
            "conflicting orders": lambda: contextlib.nullcontext(producer.send_conflicting()),
        }
        return injections[fault.kind]() if fault.kind in injections else self._sqs_injection(fault.kind)

    def _sqs_injection(self, kind: str) -> Injection:
        proxy = self._cluster.proxy
        injections: dict[str, Callable[[], Injection]] = {
            "SQS fails": lambda: proxy.failing(share=0.5),
            "SQS throttles": lambda: proxy.throttling(share=0.5),
            "SQS hangs": lambda: proxy.hanging(share=0.2),
            "SQS refuses connections": proxy.refusing,
            "SQS resets connections": lambda: proxy.resetting(share=0.5),
            "send responses lost": lambda: proxy.losing_responses("SendMessage", "SendMessageBatch", share=0.5),
            "receive responses lost": lambda: proxy.losing_responses("ReceiveMessage", share=0.3),
            "delete responses lost": lambda: proxy.losing_responses("DeleteMessage", "DeleteMessageBatch"),
            "messages duplicated": proxy.duplicating,
            "messages replayed": proxy.replaying,
        }
        return injections[kind]()
