"""One steady run: orders are sent at half of the worker's peak rate, and the time to persist of each is measured."""

import json
import sys
from typing import Any, Final

from bench.contenders import Contender
from bench.drain import MS, batches, started
from bench.messages import orders
from bench.resource_usage import cpu_seconds
from bench.testbed import Backend, Testbed, running

#: Seconds of load before the measurement.
WARM_UP: Final = 2.0
#: Seconds until the last orders are stored.
LAST_ROWS: Final = 10.0

_SHARE: Final = 0.5  # of the peak
_MARGIN: Final = 20  # seconds


def steady(testbed: Testbed, contender: Contender, round_trip: int, peak: float, seconds: float) -> dict[str, Any]:
    """Send at half the peak, whatever happens to the orders, and measure when each is in the table.

    Args:
        testbed: where to run.
        contender: the worker.
        round_trip: milliseconds added to every SQS call of the worker.
        peak: orders per second that it drained.
        seconds: how long to send, the warm-up not included.

    Returns:
        What `bench.persist_latency` reports; `orders`, the warm-up included; of these `batches`, the statements that
        stored them, and `cpu_ms`, the worker's user and system time for each.
    """
    rate = peak * _SHARE
    count = max(round(rate * (WARM_UP + seconds)), 2)
    with testbed.backend(round_trip / MS) as backend:
        arguments = _arguments(testbed, backend, contender, rate, count)
        with (
            started(backend, contender, 1) as workers,
            running([sys.executable, "-m", "bench.persist_latency", *arguments], backend, "latency", {}) as process,
        ):
            pids = [worker.pid for worker in workers]
            before = cpu_seconds(pids)
            code = process.wait(WARM_UP + seconds + LAST_ROWS + _MARGIN)
            used = cpu_seconds(pids) - before
            if code:
                raise RuntimeError(f"bench.persist_latency ended with {code}: {process.output[-300:]}")
            result: dict[str, Any] = json.loads(process.output)
            result |= {"orders": count, "batches": batches(backend), "cpu_ms": used * MS / count}
    if result["p50_ms"] is None:
        raise RuntimeError("no order was stored")
    return {"peak": peak, "sent_rate": rate, **result}


def _arguments(testbed: Testbed, backend: Backend, contender: Contender, rate: float, count: int) -> list[str]:
    """Those of `bench.persist_latency`, and the file of messages that it sends."""
    messages = backend.folder / "messages.json"
    name = backend.queues.url.rsplit("/", 1)[-1]
    made = [(order["orderId"], contender.make_message(order, name)) for order in orders(count)]
    messages.write_text(json.dumps(made))
    options = {
        # Past the proxy: the sender's own round trip is not measured.
        "--endpoint": testbed.emulator.url,
        "--queue-url": backend.queues.url,
        "--database": backend.database_url,
        "--messages": messages,
        "--rate": rate,
        "--warm-up": WARM_UP,
        "--last-rows": LAST_ROWS,
    }
    return [str(part) for option in options.items() for part in option]
