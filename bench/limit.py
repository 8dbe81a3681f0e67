"""What bounds everybody in this run: the emulator and the database, each asked directly for the same work."""

import json
import sys
from typing import Any, Final

from bench.filling import fill
from bench.forms import Form
from bench.rig import Line, Rig, running
from celery_sqs.consume.polls import MOST_IN_FLIGHT

#: Rows of a statement: one by one, what a receive brings, and what this project's worker collects.
ROWS: Final = (1, 10, 100)
#: Connections that insert: as many as the project's worker has pool processes on two cores.
WRITERS: Final = 2

_MS: Final = 1000
_MARGIN: Final = 20  # seconds


def connections(round_trip: int) -> int:
    """As many as this project's worker has polls, and what keeps the emulator busy over a longer way."""
    return MOST_IN_FLIGHT + round_trip


def emulator(rig: Rig, form: Form, orders: int, round_trip: int, seconds: float) -> dict[str, Any]:
    """Empty a queue by the same batched calls, and do nothing with its orders.

    Args:
        rig: the shared parts.
        form: of the messages.
        orders: the backlog.
        round_trip: milliseconds added to every SQS call.
        seconds: after which to end.
    """
    with rig.line(round_trip / _MS) as line:
        fill(rig, line.queues, form, orders)
        return emptied_directly(line, orders, round_trip, seconds)


def emptied_directly(line: Line, orders: int, round_trip: int, seconds: float) -> dict[str, Any]:
    """Empty the line's queue, or what can be done of it in some seconds."""
    told = line.environment()
    options = {
        "--endpoint": told["SQS_ENDPOINT"],
        "--queue-url": told["SQS_QUEUE_URL"],
        "--orders": orders,
        "--connections": connections(round_trip),
        "--seconds": seconds,
    }
    result = json.loads(_output(line, "bench.direct", options, seconds))
    return {
        "backlog": orders,
        "deleted": result["deleted"],
        "rate": result["messages"] / result["seconds"],
        "calls": line.proxy.calls(),
    }


def database(rig: Rig, seconds: float) -> list[dict[str, Any]]:
    """Commit the same rows as fast as the server takes them, in statements of different lengths."""
    records = []
    for count in ROWS:
        with rig.line(0) as line:
            options = {
                "--database": line.database_url,
                "--rows": count,
                "--connections": WRITERS,
                "--seconds": seconds,
            }
            records.append({"rows": count, **json.loads(_output(line, "bench.inserts", options, seconds))})
    return records


def _output(line: Line, module: str, options: dict[str, Any], seconds: float) -> str:
    arguments = [str(part) for option in options.items() for part in option]
    with running([sys.executable, "-m", module, *arguments], line, module, {}) as process:
        code = process.wait(seconds + _MARGIN)
        if code:
            raise RuntimeError(f"it ended with {code}: {process.output[-300:]}")
        return process.output
