"""One drain: a backlog, one worker or several, and how fast the orders reach the table."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from bench.contenders import Contender
from bench.filling import fill
from bench.rig import Line, Rig, running
from bench.tree import MIB, PeakMemory, cpu_seconds
from tests.mariadb import rows
from tests.polling import PAUSE, poll
from tests.processes import Process

MS: Final = 1000
START_TIMEOUT: Final = 40  # seconds
_WORKERS: Final = "workers"
_LOOK: Final = 0.2  # seconds between two looks at the table
_SETTLE: Final = 10.0  # seconds that the last messages may take to be deleted

_WITH_THE_FIRST: Final = "SELECT COUNT(*) FROM orders WHERE persisted_at = (SELECT MIN(persisted_at) FROM orders)"


@dataclass(frozen=True, kw_only=True)
class Drained:
    """What came of it.

    Attributes:
        backlog: orders in the queue at the start.
        stored: of these, the rows in the table at the end.
        left: messages in the queue at the end.
        rate: orders per second, from the first row to the last. If the run was cut, until then, and only of
            the orders whose messages were deleted, too: some workers store long before they delete.
        behind_s: seconds from the last row until the last message was deleted, too; None if the run was cut.
        calls: SQS calls by action, from the workers' start on.
        cpu_ms: user and system time of the workers' processes per order, from "ready." on.
        shared_cpu_ms: the same of the parts that all contenders share, by what they are.
        peak_mib: the most memory that the workers' processes had together.
    """

    backlog: int
    stored: int
    left: int
    rate: float
    behind_s: float | None
    calls: dict[str, int]
    cpu_ms: float
    shared_cpu_ms: dict[str, float]
    peak_mib: float


def drain(rig: Rig, contender: Contender, round_trip: int, backlog: int, limit: float) -> dict[str, Any]:
    """Run one worker on a full queue until it is empty, or for `limit` seconds.

    Args:
        rig: the shared parts.
        contender: the worker.
        round_trip: milliseconds added to every SQS call.
        backlog: orders in the queue.
        limit: seconds from "ready." on.
    """
    with rig.line(round_trip / MS) as line:
        fill(rig, line.queues, contender.form, backlog)
        return emptied(rig, line, contender, backlog, limit)


def drain_together(
    rig: Rig, contender: Contender, round_trip: int, backlog: int, limit: float, count: int
) -> dict[str, Any]:
    """Let some workers begin at the same moment: they are suspended while the queue is filled."""
    with rig.line(round_trip / MS) as line, started(line, contender, count) as workers:
        _signal(workers, signal.SIGSTOP)
        try:
            fill(rig, line.queues, contender.form, backlog)
        finally:
            _signal(workers, signal.SIGCONT)
        return _watched(rig, line, workers, backlog, limit)


def emptied(rig: Rig, line: Line, contender: Contender, backlog: int, limit: float) -> dict[str, Any]:
    """Start one worker on the line's queue, which is full, and watch it."""
    with started(line, contender, 1) as workers:
        return _watched(rig, line, workers, backlog, limit)


@contextlib.contextmanager
def started(line: Line, contender: Contender, count: int) -> Iterator[list[Process]]:
    """Some workers, once all have said that they are ready."""
    environment = line.environment() | contender.settings
    with contextlib.ExitStack() as stack:
        workers = []
        for number in range(count):
            command = contender.number(number)
            workers.append(stack.enter_context(running(command, line, f"worker-{number}", environment)))
        for worker in workers:
            poll(partial(worker.says, contender.ready), START_TIMEOUT, f"{contender.name} is ready")
        yield workers


def _signal(workers: Sequence[Process], signum: signal.Signals) -> None:
    """To the workers and their children."""
    for worker in workers:
        os.killpg(worker.pid, signum)


def _watched(rig: Rig, line: Line, workers: Sequence[Process], backlog: int, limit: float) -> dict[str, Any]:
    """Look at ready workers until the queue is empty or the time over."""
    parts = {_WORKERS: [worker.pid for worker in workers], "proxy": [line.proxy.pid], **rig.pids()}
    before = _stored(line)
    cpu = {part: cpu_seconds(pids) for part, pids in parts.items()}
    with PeakMemory(parts[_WORKERS]) as memory:
        settled = _wait(line, workers, backlog, limit)
        stored, left, calls = _stored(line), line.queues.waiting(), line.proxy.calls()
        rate = _rate(line, stored) if settled else _rate_so_far(line, min(stored, backlog - left))
        used = {part: (cpu_seconds(pids) - cpu[part]) * MS for part, pids in parts.items()}
    return asdict(
        Drained(
            backlog=backlog,
            stored=stored,
            left=left,
            rate=rate,
            behind_s=_seconds(_span(line)[1], settled) if settled else None,
            calls=calls,
            cpu_ms=used.pop(_WORKERS) / max(stored - before, 1),
            shared_cpu_ms={part: ms / max(stored - before, 1) for part, ms in used.items()},
            peak_mib=memory.bytes / MIB,
        )
    )


def _wait(line: Line, workers: Sequence[Process], backlog: int, limit: float) -> datetime | None:
    """Wait for the last row, and then for the last deletes, which come behind it.

    Returns:
        When the deletes were done; None if the time was over before the last row.
    """
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline and _stored(line) < backlog:
        for worker in workers:
            if worker.returncode is not None:
                raise RuntimeError(f"a worker ended with {worker.returncode}: {worker.output[-300:]}")
        time.sleep(_LOOK)
    if _stored(line) < backlog:
        return None
    deadline = time.monotonic() + _SETTLE
    while left := line.queues.waiting():
        if time.monotonic() > deadline:
            raise RuntimeError(f"all orders were stored, but {left} messages not deleted")
        time.sleep(PAUSE)
    return datetime.now(UTC).replace(tzinfo=None)


def _stored(line: Line) -> int:
    return int(rows(line.database_url, "SELECT COUNT(*) FROM orders")[0][0])


def _rate(line: Line, stored: int) -> float:
    """Orders per second behind the first ones, whose own time nobody knows."""
    first, last, with_the_first = _span(line)
    return (stored - with_the_first) / _seconds(first, last)


def _rate_so_far(line: Line, finished: int) -> float:
    """The same of a run that was cut."""
    now = datetime.now(UTC).replace(tzinfo=None)
    first, _, with_the_first = _span(line)
    return max(finished - with_the_first, 0) / _seconds(first, now)


def _seconds(first: datetime | None, last: datetime | None) -> float:
    if first is None or last is None or first == last:
        raise RuntimeError("too few orders were stored for a rate")
    return (last - first).total_seconds()


def _span(line: Line) -> tuple[datetime | None, datetime | None, int]:
    """When the first row was written and the last one, and how many have the first one's time."""
    first, last = rows(line.database_url, "SELECT MIN(persisted_at), MAX(persisted_at) FROM orders")[0]
    return first, last, int(rows(line.database_url, _WITH_THE_FIRST)[0][0])
