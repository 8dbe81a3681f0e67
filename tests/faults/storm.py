"""A storm: orders flow all the time, faults come as forecast, and in the end the oracle says what became of it all."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from tests.faults.crew import Crew
from tests.faults.customers import BadMail, Customers
from tests.faults.journal import Journal
from tests.faults.oracle import Ledger, Verdict, everything, judge
from tests.faults.stage import Stage
from tests.faults.weather import Fault
from tests.mariadb import MariaDB, rows
from tests.polling import PAUSE

RATE: Final = 10  # orders a second that come past the API
RUSH: Final = 300  # orders at once
BUSY: Final = 60  # orders that make it likely that a worker has some in hand
MANY: Final = 40  # bad messages at once
DRAINING: Final = 12  # visibility timeouts until the queue is empty; a message may need all its receives

Switch = contextlib.AbstractContextManager[None]


@dataclass(frozen=True)
class Report:
    """What became of a storm.

    Attributes:
        faults: how many of each kind there were.
        accepted: orders that were promised.
        stored: of these.
        doomed: messages that had to end in the DLQ.
        answers: what customers were answered.
        slowest: seconds from an order's promise until it was stored, at the most.
        drained: seconds from the end of the faults until the queue was empty.
        verdict: the oracle's.
        objections: what else should not have happened.
    """

    faults: Counter[str]
    accepted: int
    stored: int
    doomed: int
    answers: Counter[int]
    slowest: float
    drained: float
    verdict: Verdict
    objections: list[str]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return self.verdict.clean and not self.objections

    def __str__(self) -> str:
        return "\n".join(filter(None, [str(self.verdict), *self.objections]))


class Storm:
    """Faults on a stage.

    Args:
        stage: set, and still empty.
        server: the stage's database server, which nobody else needs meanwhile.
        faults: in the order of their beginnings.
        journal: told all that happens.
    """

    def __init__(self, stage: Stage, server: MariaDB, faults: Sequence[Fault], journal: Journal) -> None:
        self._stage = stage
        self._server = server
        self._faults = faults
        self._journal = journal
        self._crew = Crew(stage, journal)
        self._mail = BadMail(stage)
        self._realms = {fault.realm: threading.Lock() for fault in faults}
        self._over = threading.Event()

    def run(self, seed: int) -> Report:
        """Let it come, and pass; the seed is that of the customers."""
        customers = Customers(self._stage, self._crew.start(), self._journal, seed)
        with self._crew.supervised():
            with self._stage.flowing(RATE), customers.ordering():
                self._rage()
                self._journal.note("all faults are over")
                self._crew.see_at_work()
            drained = self._drain()
        self._crew.end()
        self._note_the_dead()
        return self._report(customers.answers, drained)

    def _report(self, answers: Counter[int], drained: float) -> Report:
        ledger, stored = self._stage.ledger, _stored_after(self._stage.ledger, self._stage.database_url)
        return Report(
            faults=Counter(fault.kind for fault in self._faults),
            accepted=len(ledger.accepted),
            stored=len(stored),
            doomed=ledger.doomed.total(),
            answers=answers,
            slowest=max(stored.values(), default=0),
            drained=drained,
            verdict=judge(ledger, self._stage.database_url, self._stage.queues),
            objections=self._journal.objections,
        )

    def _rage(self) -> None:
        began = time.monotonic()
        self._journal.begin()
        with ThreadPoolExecutor(len(self._faults) + 1) as threads:
            try:
                list(threads.map(lambda fault: self._befall(fault, began), self._faults))
            finally:
                self._over.set()  # whoever interrupts a storm does not want to wait for its end

    def _befall(self, fault: Fault, began: float) -> None:
        self._over.wait(began + fault.start - time.monotonic())
        if self._over.is_set():
            return
        with self._realms[fault.realm]:
            self._journal.note(f"begins: {fault}")
            if "worker" in fault.realm or fault.realm == "deploy":
                self._stage.send(BUSY)
            # It is the storm that failed then, and not what it was to try; the others go on.
            try:
                with self._switch(fault):
                    if fault.realm == "database":
                        self._mail.invalid(MANY)  # why they fail cannot be recorded now, and they are quick to die
                    self._over.wait(fault.length)
            except Exception as error:
                self._journal.object(f"could not be done: {fault}: {error!r}")
            self._journal.note(f"ends:   {fault}")

    def _switch(self, fault: Fault) -> Switch:
        crew, mail, server = self._crew, self._mail, self._server
        switches: dict[str, Callable[[], Switch]] = {
            "worker killed": lambda: crew.killed(fault.place),
            "worker suspended": lambda: crew.suspended(fault.place),
            "child killed": lambda: crew.child_killed(fault.place),
            "child suspended": lambda: crew.child_suspended(fault.place),
            "deploy, new ones first": lambda: contextlib.nullcontext(crew.deploy(new_first=True)),
            "deploy, old ones first": lambda: contextlib.nullcontext(crew.deploy(new_first=False)),
            "web restarted": lambda: contextlib.nullcontext(crew.restart_web()),
            "web killed": crew.web_killed,
            "database killed": server.gone,
            "database suspended": server.suspended,
            "database read-only": server.read_only,
            "database crowded": server.crowded,
            "rush": lambda: contextlib.nullcontext(self._stage.send(RUSH)),
            "poison": lambda: contextlib.nullcontext(mail.poison()),
            "invalid orders": lambda: contextlib.nullcontext(mail.invalid()),
            "conflicting orders": lambda: contextlib.nullcontext(mail.conflicting()),
        }
        return switches[fault.kind]() if fault.kind in switches else self._switch_sqs(fault.kind)

    def _switch_sqs(self, kind: str) -> Switch:
        proxy = self._stage.proxy
        switches: dict[str, Callable[[], Switch]] = {
            "SQS fails": lambda: proxy.failing(share=0.5),
            "SQS throttles": lambda: proxy.throttling(share=0.5),
            "SQS hangs": lambda: proxy.hanging(share=0.2),
            "SQS refuses": proxy.refusing,
            "connections reset": lambda: proxy.resetting(share=0.5),
            "sends lost": lambda: proxy.losing("SendMessage", "SendMessageBatch", share=0.5),
            "receives lost": lambda: proxy.losing("ReceiveMessage", share=0.3),
            "deletes lost": lambda: proxy.losing("DeleteMessage", "DeleteMessageBatch"),
            "deliveries doubled": proxy.duplicating,
            "deliveries replayed": proxy.replaying,
        }
        return switches[kind]()

    def _drain(self) -> float:
        """Wait until the queue is empty; returns the seconds it took."""
        began = time.monotonic()
        patience = DRAINING * self._stage.visibility_timeout
        while self._stage.queues.waiting() and time.monotonic() - began < patience:
            time.sleep(PAUSE)
        self._journal.note(f"{self._stage.queues.waiting()} messages are left in the queue")
        return time.monotonic() - began

    def _note_the_dead(self) -> None:
        """Workers' logs name messages by SQS's ids: say which is which."""
        for message in everything(self._stage.queues, self._stage.queues.dlq_url):
            self._journal.note(f"in the DLQ: message {message['MessageId']}: {message['Body']}")


def _stored_after(ledger: Ledger, database_url: str) -> dict[str, float]:
    """How many seconds after its promise each accepted order was stored."""
    at = ledger.accepted_at
    stored = rows(database_url, "SELECT order_id, persisted_at FROM orders")
    return {each: (when.replace(tzinfo=UTC) - at[each]).total_seconds() for each, when in stored if each in at}
