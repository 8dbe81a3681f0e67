"""Upper bounds of all contenders: the emulator and the database, each asked directly for the same work."""

import json
import sys
from typing import Any, Final

from bench.messages import MessageFactory
from bench.prefill import prefill
from bench.testbed import Backend, Testbed, running
from celery_sqs.consume.polls import MOST_IN_FLIGHT

#: Rows of a statement: one, the messages of a receive, and the batch of this project's worker.
ROWS: Final = (1, 10, 100)
#: Connections that insert: as many as the project's worker has pool processes on two cores.
WRITERS: Final = 2

_MS: Final = 1000
_MARGIN: Final = 20  # seconds


def connections(round_trip: int) -> int:
    """As many as this project's worker has polls, and more to keep the emulator busy at a long round trip."""
    return MOST_IN_FLIGHT + round_trip


def emulator(
    testbed: Testbed, make_message: MessageFactory, orders: int, round_trip: int, seconds: float
) -> dict[str, Any]:
    """Drain a queue by the same batched calls, and do nothing with its orders.

    Args:
        testbed: where to run.
        make_message: makes the messages.
        orders: the backlog.
        round_trip: milliseconds added to every SQS call.
        seconds: after which to end.
    """
    with testbed.backend(round_trip / _MS) as backend:
        prefill(testbed, backend.queues, make_message, orders)
        return drain_directly(backend, orders, round_trip, seconds)


def drain_directly(backend: Backend, orders: int, round_trip: int, seconds: float) -> dict[str, Any]:
    """Drain the backend's queue for some seconds at the most."""
    environment = backend.environment()
    options = {
        "--endpoint": environment["SQS_ENDPOINT"],
        "--queue-url": environment["SQS_QUEUE_URL"],
        "--orders": orders,
        "--connections": connections(round_trip),
        "--seconds": seconds,
    }
    result = json.loads(_output(backend, "bench.emulator_drain", options, seconds))
    return {
        "backlog": orders,
        "deleted": result["deleted"],
        "rate": result["messages"] / result["seconds"],
        "calls": backend.proxy.calls(),
    }


def database(testbed: Testbed, seconds: float) -> list[dict[str, Any]]:
    """Commit the same rows as fast as the server can, in statements of different lengths."""
    records = []
    for count in ROWS:
        with testbed.backend(0) as backend:
            options = {
                "--database": backend.database_url,
                "--rows": count,
                "--connections": WRITERS,
                "--seconds": seconds,
            }
            records.append({"rows": count, **json.loads(_output(backend, "bench.inserts", options, seconds))})
    return records


def _output(backend: Backend, module: str, options: dict[str, Any], seconds: float) -> str:
    arguments = [str(part) for option in options.items() for part in option]
    with running([sys.executable, "-m", module, *arguments], backend, module, {}) as process:
        code = process.wait(seconds + _MARGIN)
        if code:
            raise RuntimeError(f"it ended with {code}: {process.output[-300:]}")
        return process.output
