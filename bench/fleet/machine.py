"""The benchmark's machine in the model: its cores are shared by workers, emulator, proxy and MariaDB."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

from bench.fleet.costs import Costs
from bench.fleet.database import Database
from bench.fleet.events import Cores, Events
from bench.fleet.sqs import Emulator
from bench.fleet.worker import Worker
from bench.persist_latency import MIN_SEND_INTERVAL, POLL_INTERVAL
from bench.sqs_http import BATCH

_LIMIT: Final = 3600.0  # seconds of virtual time, after which a run has failed


@dataclass(frozen=True, kw_only=True)
class Drained:
    """What `bench.drain` reports, as far as the model has it.

    Attributes:
        rate: orders per second, from the first row to the last.
        batch: orders in a batch.
        busy: share of the cores that was busy.
    """

    rate: float
    batch: float
    busy: float


class Machine:
    """The testbed of one run.

    Args:
        costs: of all work.
        cores: of the machine.
        round_trip: seconds that the proxy adds.
        workers: how many.
        processes: of a worker's pool.
    """

    def __init__(self, costs: Costs, cores: float, round_trip: float, workers: int, processes: int) -> None:
        self.events = Events()
        self.cores = Cores(self.events, cores)
        self.costs = costs
        self.emulator = Emulator(self.events, self.cores, round_trip, costs.emulator)
        self.database = Database(self.events, self.cores, costs.statement, stored=self._stored)
        self.rows: list[tuple[float, list[float]]] = []  # when a batch was committed, and when its orders were sent
        self.workers = [
            Worker(self.events, self.cores, self.emulator, self.emulator.queue, self.database, costs.worker, processes)
            for _ in range(workers)
        ]

    def start(self) -> None:
        """Start all workers at once."""
        for worker in self.workers:
            worker.start()

    def _stored(self, batch: list[float]) -> None:
        self.rows.append((self.events.now, batch))


def drain(machine: Machine, orders: int) -> Drained:
    """A full queue, and workers that begin together."""
    machine.emulator.queue.send([0.0] * orders)
    machine.start()
    machine.events.run(_LIMIT, lambda: machine.database.rows >= orders)
    (first, with_the_first), (last, _) = machine.rows[0], machine.rows[-1]
    return Drained(
        rate=(orders - len(with_the_first)) / (last - first),
        batch=orders / machine.database.commits,
        busy=machine.cores.busy / machine.events.now,
    )


class _Sender:
    """What `bench.persist_latency` sends: at a constant rate, past the proxy, several orders in a call."""

    def __init__(self, machine: Machine, rate: float, count: int) -> None:
        self._machine = machine
        self._rate = rate
        self._count = count
        self._done = 0

    def send(self) -> None:
        """Send what is due, in one call after the other, and then wait."""
        self._send_until(min(int(self._machine.events.now * self._rate) + 1, self._count))

    def _send_until(self, due: int) -> None:
        if self._done >= due:
            if self._done < self._count:
                pause = max(self._done / self._rate - self._machine.events.now, MIN_SEND_INTERVAL)
                self._machine.events.after(pause, self.send)
            return
        size = min(BATCH, due - self._done)

        def answered() -> None:
            self._machine.emulator.queue.send([self._machine.events.now] * size)
            self._done += size
            self._send_until(due)

        self._machine.emulator.serve(answered)


def steady(machine: Machine, rate: float, warm_up: float, seconds: float) -> list[float]:
    """Orders at a constant rate; returns the sorted times to persist of those after the warm-up.

    A row is found by the next query of another connection after its commit.

    Args:
        machine: where to run.
        rate: orders per second.
        warm_up: seconds before the measurement.
        seconds: how long it takes.
    """
    count = round(rate * (warm_up + seconds))
    _Sender(machine, rate, count).send()
    machine.start()
    machine.events.run(warm_up + seconds + _LIMIT, lambda: machine.database.rows >= count)
    query = machine.costs.statement.statement
    looks = _looks(machine.events.now + 1, POLL_INTERVAL + query)
    times = []
    for committed, batch in machine.rows:
        found = looks[bisect_left(looks, committed)] + query
        times += [found - sent for sent in batch if sent >= warm_up]
    return sorted(times)


def _looks(until: float, every: float) -> list[float]:
    return [number * every for number in range(int(until / every) + 2)]
