"""One drain: a backlog, one worker, and how fast the orders reach the table."""

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bench.contenders import Contender
from bench.messages import preload
from bench.rig import Line, Rig, running
from bench.tree import MIB, PeakMemory, cpu_seconds
from tests.mariadb import rows
from tests.polling import poll
from tests.processes import Process

MS: Final = 1000
_START_TIMEOUT: Final = 40  # seconds
_LOOK: Final = 0.2  # seconds between two looks at the table
_SETTLE: Final = 5.0  # seconds that the last messages may take to be deleted

_SPAN: Final = "SELECT COUNT(*), MIN(persisted_at), MAX(persisted_at) FROM orders"
_FIRST: Final = "SELECT COUNT(*) FROM orders WHERE persisted_at = (SELECT MIN(persisted_at) FROM orders)"


@dataclass(frozen=True, kw_only=True)
class Drained:
    """What came of it.

    Attributes:
        backlog: orders in the queue at the start.
        stored: of these, the rows in the table at the end.
        left: messages in the queue at the end.
        rate: orders per second, from the first row to the last, or to the cut.
        calls: SQS calls by action, from the worker's start on.
        cpu_ms: user and system time of the worker's processes per order, from "ready." on.
        peak_mib: the most memory that its processes had together.
    """

    backlog: int
    stored: int
    left: int
    rate: float
    calls: dict[str, int]
    cpu_ms: float
    peak_mib: float


def drain(rig: Rig, contender: Contender, round_trip: int, limit: float) -> dict[str, Any]:
    """Run one worker on a full queue until it is empty, or for `limit` seconds.

    Args:
        rig: the shared parts.
        contender: the worker.
        round_trip: milliseconds added to every SQS call.
        limit: seconds from "ready." on.
    """
    with rig.line(round_trip / MS) as line:
        backlog = contender.orders(round_trip)
        preload(rig.emulator.client(), line.queues.url, contender.form, backlog)
        environment = line.environment() | contender.settings
        with running(list(contender.command), line, "worker", environment) as worker:
            poll(lambda: worker.says("ready."), _START_TIMEOUT, f"{contender.name} is ready")
            cpu, before = cpu_seconds(worker.pid), _stored(line)
            with PeakMemory(worker.pid) as memory:
                _wait(line, worker, backlog, limit)
                stored, left, calls = _stored(line), line.queues.waiting(), line.proxy.calls()
                rate = _rate(line, cut=stored < backlog)
                cpu = cpu_seconds(worker.pid) - cpu
        if stored == backlog and left:
            raise RuntimeError(f"{left} orders were stored, but their messages not deleted")
        return asdict(
            Drained(
                backlog=backlog,
                stored=stored,
                left=left,
                rate=rate,
                calls=calls,
                cpu_ms=cpu * MS / max(stored - before, 1),
                peak_mib=memory.bytes / MIB,
            )
        )


def _wait(line: Line, worker: Process, backlog: int, limit: float) -> None:
    """Wait for the last row, and then for the last deletes, which come behind it."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline and _stored(line) < backlog:
        if worker.returncode is not None:
            raise RuntimeError(f"the worker ended with {worker.returncode} after {_stored(line)} orders")
        time.sleep(_LOOK)
    if _stored(line) < backlog:
        return
    deadline = time.monotonic() + _SETTLE
    while time.monotonic() < deadline and line.queues.waiting():
        time.sleep(_LOOK)


def _stored(line: Line) -> int:
    return int(rows(line.database_url, "SELECT COUNT(*) FROM orders")[0][0])


def _rate(line: Line, *, cut: bool) -> float:
    """Orders per second behind the first ones, whose own time nobody knows; until now if the run was cut."""
    stored, first, last = rows(line.database_url, _SPAN)[0]
    if not stored or first == last:
        raise RuntimeError(f"{stored} orders were stored, too few for a rate")
    [[with_the_first]] = rows(line.database_url, _FIRST)
    end = datetime.now(UTC).replace(tzinfo=None) if cut else last
    return float((stored - with_the_first) / (end - first).total_seconds())
