"""One intake run: the web application under load, and how fast it accepts orders."""

import json
import sys
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from app.tokens import issue
from bench.rig import JWT_SECRET, Rig, running
from bench.tree import cpu_seconds
from tests.polling import poll
from tests.processes import BIN, free_port, listens

CONNECTIONS: Final = 32
WARM_UP: Final = 2.0  # seconds; the first request of each thread makes clients and connections

OURS: Final = "ours"
DELAY: Final = "plain .delay()"
NO_QUEUE: Final = "no queue"

#: What gunicorn is told to serve.
APPLICATIONS: Final = {
    DELAY: "bench.peers.web:plain_celery()",
    NO_QUEUE: "bench.peers.web:no_queue()",
    OURS: "app:create_app()",
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
        accepted: orders accepted in all, warm-up included.
        queued: messages in the queue in the end.
        calls: SQS calls by action, from the start of the load on.
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
        token = issue(JWT_SECRET, 1, ["orders:write"], timedelta(hours=1))
        web = line.environment() | {"PORT": str(port), "WEB_WORKERS": "1", "WEB_THREADS": str(CONNECTIONS)}
        gunicorn = [BIN / "gunicorn", "-c", "config/gunicorn.py", APPLICATIONS[application]]
        with running(gunicorn, line, "web", web) as server:
            poll(lambda: server.says("Listening at") and listens(port), _START_TIMEOUT, "web listens")
            time.sleep(1)  # its child imports the application only now
            before, cpu = line.proxy.calls(), cpu_seconds(server.pid)
            command = [sys.executable, "-m", "bench.load", "--port", str(port), "--connections", str(CONNECTIONS)]
            command += ["--warm-up", str(WARM_UP), "--seconds", str(seconds)]
            with running(command, line, "load", {"BENCH_TOKEN": token}) as load:
                code = load.wait(WARM_UP + seconds + _LOAD_MARGIN)
                if code:
                    raise RuntimeError(f"the load ended with {code}: {load.output[-300:]}")
                report = json.loads(load.output)
            cpu, after = cpu_seconds(server.pid) - cpu, line.proxy.calls()
            if report["p99_ms"] is None:
                raise RuntimeError(f"no order was accepted: {report['errors']}")
        return asdict(
            Accepted(
                rate=report["rate"],
                p50_ms=report["p50_ms"],
                p99_ms=report["p99_ms"],
                errors=report["errors"],
                accepted=report["accepted_in_all"],
                queued=line.queues.waiting(),
                calls={action: count - before.get(action, 0) for action, count in after.items()},
                cpu_ms=cpu * _MS / report["accepted_in_all"],
            )
        )
