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
from bench.prefill import prefill
from bench.resource_usage import MIB, PeakMemory, cpu_seconds
from bench.testbed import Backend, Testbed, running
from tests.mariadb import rows
from tests.polling import PAUSE, poll
from tests.processes import Process

MS: Final = 1000
START_TIMEOUT: Final = 40  # seconds
_WORKERS: Final = "workers"
_POLL_INTERVAL: Final = 0.2  # seconds between two queries of the table
_DELETE_TIMEOUT: Final = 10.0  # seconds until the last messages are deleted

_WITH_THE_FIRST: Final = "SELECT COUNT(*) FROM orders WHERE persisted_at = (SELECT MIN(persisted_at) FROM orders)"


@dataclass(frozen=True, kw_only=True)
class Drained:
    """The result.

    Attributes:
        backlog: orders in the queue at the start.
        stored: rows in the table at the end.
        batches: statements that stored them: each gives its rows one time.
        left: messages in the queue at the end.
        rate: orders per second, from the first row to the last. If the run was stopped by its limit, until then, and
            only of the orders whose messages were deleted, too: some workers store long before they delete.
        behind_s: seconds from the last row until the last message was deleted; None if the run was stopped.
        calls: SQS calls by action, from the workers' start on.
        cpu_ms: user and system time of the workers' processes per order, from "ready." on.
        shared_cpu_ms: the same for the emulator, the database and the proxy, by these names.
        peak_mib: the peak of the memory of all the workers' processes.
    """

    backlog: int
    stored: int
    batches: int
    left: int
    rate: float
    behind_s: float | None
    calls: dict[str, int]
    cpu_ms: float
    shared_cpu_ms: dict[str, float]
    peak_mib: float


def drain(testbed: Testbed, contender: Contender, round_trip: int, backlog: int, limit: float) -> dict[str, Any]:
    """Run one worker on a full queue until it is empty, or for `limit` seconds at the most.

    Args:
        testbed: where to run.
        contender: the worker.
        round_trip: milliseconds added to every SQS call.
        backlog: orders in the queue.
        limit: seconds from "ready." on.
    """
    with testbed.backend(round_trip / MS) as backend:
        prefill(testbed, backend.queues, contender.make_message, backlog)
        return drain_backend(testbed, backend, contender, backlog, limit)


def drain_together(
    testbed: Testbed, contender: Contender, round_trip: int, backlog: int, limit: float, count: int
) -> dict[str, Any]:
    """Run several workers that begin at the same moment: they are suspended while the queue is filled."""
    with testbed.backend(round_trip / MS) as backend, started(backend, contender, count) as workers:
        _signal(workers, signal.SIGSTOP)
        try:
            prefill(testbed, backend.queues, contender.make_message, backlog)
        finally:
            _signal(workers, signal.SIGCONT)
        return _measure(testbed, backend, workers, backlog, limit)


def drain_backend(
    testbed: Testbed, backend: Backend, contender: Contender, backlog: int, limit: float
) -> dict[str, Any]:
    """Start one worker on the backend's queue, which is full, and measure it."""
    with started(backend, contender, 1) as workers:
        return _measure(testbed, backend, workers, backlog, limit)


@contextlib.contextmanager
def started(backend: Backend, contender: Contender, count: int) -> Iterator[list[Process]]:
    """Some workers, which are ready."""
    environment = backend.environment() | contender.settings
    with contextlib.ExitStack() as stack:
        workers = []
        for number in range(count):
            command = contender.number(number)
            workers.append(stack.enter_context(running(command, backend, f"worker-{number}", environment)))
        for worker in workers:
            poll(partial(worker.says, contender.ready), START_TIMEOUT, f"{contender.name} is ready")
        yield workers


def _signal(workers: Sequence[Process], signum: signal.Signals) -> None:
    """Send a signal to the workers and their children."""
    for worker in workers:
        os.killpg(worker.pid, signum)


def _measure(
    testbed: Testbed, backend: Backend, workers: Sequence[Process], backlog: int, limit: float
) -> dict[str, Any]:
    """Measure workers until the queue is empty or the limit is reached."""
    parts = {_WORKERS: [worker.pid for worker in workers], "proxy": [backend.proxy.pid], **testbed.pids()}
    before = _stored(backend)
    cpu = {part: cpu_seconds(pids) for part, pids in parts.items()}
    with PeakMemory(parts[_WORKERS]) as memory:
        settled = _wait(backend, workers, backlog, limit)
        stored, left, calls = _stored(backend), backend.queues.waiting(), backend.proxy.calls()
        rate = _rate(backend, stored) if settled else _rate_so_far(backend, min(stored, backlog - left))
        used = {part: (cpu_seconds(pids) - cpu[part]) * MS for part, pids in parts.items()}
    return asdict(
        Drained(
            backlog=backlog,
            stored=stored,
            batches=batches(backend),
            left=left,
            rate=rate,
            behind_s=_seconds(_span(backend)[1], settled) if settled else None,
            calls=calls,
            cpu_ms=used.pop(_WORKERS) / max(stored - before, 1),
            shared_cpu_ms={part: ms / max(stored - before, 1) for part, ms in used.items()},
            peak_mib=memory.bytes / MIB,
        )
    )


def _wait(backend: Backend, workers: Sequence[Process], backlog: int, limit: float) -> datetime | None:
    """Wait for the last row, and then for the last deletes.

    Returns:
        When the deletes were done; None if the limit was reached before the last row.

    Raises:
        RuntimeError: a worker has ended, or does not delete the messages that it has stored.
    """
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline and _stored(backend) < backlog:
        for worker in workers:
            if worker.returncode is not None:
                raise RuntimeError(f"a worker ended with {worker.returncode}: {worker.output[-300:]}")
        time.sleep(_POLL_INTERVAL)
    if _stored(backend) < backlog:
        return None
    deadline = time.monotonic() + _DELETE_TIMEOUT
    while left := backend.queues.waiting():
        if time.monotonic() > deadline:
            raise RuntimeError(f"all orders were stored, but {left} messages not deleted")
        time.sleep(PAUSE)
    return datetime.now(UTC).replace(tzinfo=None)


def batches(backend: Backend) -> int:
    """How many statements stored the orders that are in the table."""
    return int(rows(backend.database_url, "SELECT COUNT(DISTINCT persisted_at) FROM orders")[0][0])


def _stored(backend: Backend) -> int:
    return int(rows(backend.database_url, "SELECT COUNT(*) FROM orders")[0][0])


def _rate(backend: Backend, stored: int) -> float:
    """Orders per second after the first ones, as the time that those took is not known."""
    first, last, with_the_first = _span(backend)
    return (stored - with_the_first) / _seconds(first, last)


def _rate_so_far(backend: Backend, finished: int) -> float:
    """The same for a run that was stopped by its limit."""
    now = datetime.now(UTC).replace(tzinfo=None)
    first, _, with_the_first = _span(backend)
    return max(finished - with_the_first, 0) / _seconds(first, now)


def _seconds(first: datetime | None, last: datetime | None) -> float:
    if first is None or last is None or first == last:
        raise RuntimeError("too few orders were stored for a rate")
    return (last - first).total_seconds()


def _span(backend: Backend) -> tuple[datetime | None, datetime | None, int]:
    """The times of the first and the last row, and how many rows have the first one's time."""
    first, last = rows(backend.database_url, "SELECT MIN(persisted_at), MAX(persisted_at) FROM orders")[0]
    return first, last, int(rows(backend.database_url, _WITH_THE_FIRST)[0][0])
