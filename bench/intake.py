"""One intake run: the web application under load, with one number of connections after the other."""

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from app.tokens import issue
from bench.resource_usage import cpu_seconds
from bench.testbed import JWT_SECRET, Backend, Testbed, running
from tests.polling import poll
from tests.processes import BIN, Process, free_port, listens

OURS: Final = "ours"
DELAY: Final = "plain .delay()"
DELAY_ON_THREADS: Final = "plain .delay(), gthread"
BOTO3: Final = "boto3 send_message"
NO_QUEUE: Final = "no queue"

#: The connections with which the aims are measured.
USUAL: Final = 32

#: gunicorn's arguments besides this project's settings for it: the application, and options where they differ.
APPLICATIONS: Final = {
    DELAY: ["bench.peers.web:plain_celery()"],
    DELAY_ON_THREADS: ["--worker-class", "gthread", "--threads", str(USUAL), "bench.peers.web:plain_celery()"],
    BOTO3: ["bench.peers.web:boto3_send()"],
    NO_QUEUE: ["bench.peers.web:no_queue()"],
    OURS: ["app:create_app()"],
}

#: Seconds before each further number of connections.
SETTLING: Final = 1.0

_CONNECTIONS: Final = 600  # that gunicorn accepts; more than any load has
_MS: Final = 1000
_START_TIMEOUT: Final = 40  # seconds
_LOAD_MARGIN: Final = 30  # seconds that the load may take longer than it runs


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The result.

    Attributes:
        connections: of the load.
        rate: orders accepted per second.
        p50_ms: median time to the answer.
        p99_ms: 99th percentile of the time to the answer.
        errors: answers other than 202, by status, and lost connections.
        accepted: orders accepted.
        queued: messages that were added to the queue.
        calls: SQS calls by action.
        cpu_ms: user and system time of the web processes per accepted order.
    """

    connections: int
    rate: float
    p50_ms: float
    p99_ms: float
    errors: dict[str, int]
    accepted: int
    queued: int
    calls: dict[str, int]
    cpu_ms: float


def loads(application: str, connections: Sequence[int]) -> list[int]:
    """The numbers of connections that an application gets: gunicorn's threads have a fixed number."""
    return [USUAL] if application == DELAY_ON_THREADS else list(connections)


def intake(
    testbed: Testbed, application: str, round_trip: int, connections: Sequence[int], warm_up: float, seconds: float
) -> list[dict[str, Any]]:
    """Measure one gunicorn process under one load after the other.

    Args:
        testbed: where to run.
        application: a name in `APPLICATIONS`.
        round_trip: milliseconds added to every SQS call.
        connections: of each load.
        warm_up: seconds before anything is measured.
        seconds: how long to measure each.
    """
    with testbed.backend(round_trip / _MS) as backend, served(backend, application) as (server, port):
        poll(lambda: server.says("Listening at") and listens(port), _START_TIMEOUT, "web listens")
        _load(backend, "warm-up", port, USUAL, warm_up)
        return [_measured(backend, server, port, number, seconds) for number in loads(application, connections)]


@contextlib.contextmanager
def served(backend: Backend, application: str) -> Iterator[tuple[Process, int]]:
    """An application on gunicorn, just started, and its port."""
    port = free_port()
    web = backend.environment() | {"PORT": str(port), "WEB_WORKERS": "1", "WEB_CONNECTIONS": str(_CONNECTIONS)}
    gunicorn = [BIN / "gunicorn", "-c", "config/gunicorn.py", *APPLICATIONS[application]]
    with running(gunicorn, backend, "web", web) as server:
        yield server, port


def token() -> str:
    """A bearer token for posting orders."""
    return issue(JWT_SECRET, 1, ["orders:write"], timedelta(hours=1))


def _measured(backend: Backend, server: Process, port: int, connections: int, seconds: float) -> dict[str, Any]:
    _load(backend, f"settling-{connections}", port, connections, SETTLING)
    calls, waiting, cpu = backend.proxy.calls(), backend.queues.waiting(), cpu_seconds([server.pid])
    report = _load(backend, f"load-{connections}", port, connections, seconds)
    cpu = cpu_seconds([server.pid]) - cpu
    if report["p99_ms"] is None:
        raise RuntimeError(f"no order was accepted: {report['errors']}")
    return asdict(
        Accepted(
            connections=connections,
            rate=report["rate"],
            p50_ms=report["p50_ms"],
            p99_ms=report["p99_ms"],
            errors=report["errors"],
            accepted=report["accepted"],
            queued=backend.queues.waiting() - waiting,
            calls={action: count - calls.get(action, 0) for action, count in backend.proxy.calls().items()},
            cpu_ms=cpu * _MS / report["accepted"],
        )
    )


def _load(backend: Backend, name: str, port: int, connections: int, seconds: float) -> dict[str, Any]:
    numbers = {"--port": port, "--connections": connections, "--seconds": seconds}
    arguments = [str(part) for number in numbers.items() for part in number]
    with running([sys.executable, "-m", "bench.load", *arguments], backend, name, {"BENCH_TOKEN": token()}) as load:
        code = load.wait(seconds + _LOAD_MARGIN)
        if code:
            raise RuntimeError(f"the load ended with {code}: {load.output[-300:]}")
        report: dict[str, Any] = json.loads(load.output)
    return report
