"""One intake run: the web application under load, and how fast it accepts orders."""

import json
import sys
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from app.tokens import issue
from bench.rig import JWT_SECRET, Line, Rig, running
from bench.tree import cpu_seconds
from tests.polling import poll
from tests.processes import BIN, free_port, listens

CONNECTIONS: Final = 32
#: Seconds of load before the one that is measured. The first request of each thread makes a boto3 client with
#: plain Celery, a tenth of a second of CPU for each.
WARM_UP: Final = 6.0

OURS: Final = "ours"
DELAY: Final = "plain .delay()"
DELAY_ON_THREADS: Final = "plain .delay(), gthread"
NO_QUEUE: Final = "no queue"

#: What gunicorn is told beside this project's settings for it: what to serve, and how where that differs.
APPLICATIONS: Final = {
    DELAY: ["bench.peers.web:plain_celery()"],
    DELAY_ON_THREADS: ["--worker-class", "gthread", "--threads", str(CONNECTIONS), "bench.peers.web:plain_celery()"],
    NO_QUEUE: ["bench.peers.web:no_queue()"],
    OURS: ["app:create_app()"],
}

_MS: Final = 1000
_START_TIMEOUT: Final = 40  # seconds
_LOAD_MARGIN: Final = 30  # seconds that the load may take on top


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What came of it.

    Attributes:
        rate: orders accepted per second.
        p50_ms: median time to the answer.
        p99_ms: what one answer in a hundred takes longer than.
        errors: answers but 202, by status, and lost connections.
        accepted: orders accepted.
        queued: messages that came into the queue.
        calls: SQS calls by action.
        cpu_ms: user and system time of the web processes per accepted order.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    errors: dict[str, int]
    accepted: int
    queued: int
    calls: dict[str, int]
    cpu_ms: float


def intake(rig: Rig, application: str, round_trip: int, seconds: float) -> dict[str, Any]:
    """Put one gunicorn process under load.

    Args:
        rig: the shared parts.
        application: a name in `APPLICATIONS`.
        round_trip: milliseconds added to every SQS call.
        seconds: how long to measure.
    """
    with rig.line(round_trip / _MS) as line:
        port = free_port()
        web = line.environment() | {"PORT": str(port), "WEB_WORKERS": "1", "WEB_CONNECTIONS": str(2 * CONNECTIONS)}
        gunicorn = [BIN / "gunicorn", "-c", "config/gunicorn.py", *APPLICATIONS[application]]
        with running(gunicorn, line, "web", web) as server:
            poll(lambda: server.says("Listening at") and listens(port), _START_TIMEOUT, "web listens")
            _load(line, "warm-up", port, WARM_UP)
            calls, waiting, cpu = line.proxy.calls(), line.queues.waiting(), cpu_seconds(server.pid)
            report = _load(line, "load", port, seconds)
            cpu = cpu_seconds(server.pid) - cpu
        if report["p99_ms"] is None:
            raise RuntimeError(f"no order was accepted: {report['errors']}")
        return asdict(
            Accepted(
                rate=report["rate"],
                p50_ms=report["p50_ms"],
                p99_ms=report["p99_ms"],
                errors=report["errors"],
                accepted=report["accepted"],
                queued=line.queues.waiting() - waiting,
                calls={action: count - calls.get(action, 0) for action, count in line.proxy.calls().items()},
                cpu_ms=cpu * _MS / report["accepted"],
            )
        )


def _load(line: Line, name: str, port: int, seconds: float) -> dict[str, Any]:
    token = issue(JWT_SECRET, 1, ["orders:write"], timedelta(hours=1))
    numbers = {"--port": port, "--connections": CONNECTIONS, "--seconds": seconds}
    arguments = [str(part) for number in numbers.items() for part in number]
    with running([sys.executable, "-m", "bench.load", *arguments], line, name, {"BENCH_TOKEN": token}) as load:
        code = load.wait(seconds + _LOAD_MARGIN)
        if code:
            raise RuntimeError(f"the load ended with {code}: {load.output[-300:]}")
        report: dict[str, Any] = json.loads(load.output)
    return report
