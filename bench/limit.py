"""What bounds everybody in this run: the emulator, asked directly with the same batched calls."""

import json
import sys
from typing import Any, Final

from bench.messages import Form, preload
from bench.rig import Rig, running

CONNECTIONS: Final = 8
_MS: Final = 1000
_MARGIN: Final = 60  # seconds


def limit(rig: Rig, form: Form, orders: int, round_trip: int) -> dict[str, Any]:
    """Empty a queue without doing anything with its orders.

    Args:
        rig: the shared parts.
        form: of the messages.
        orders: the backlog.
        round_trip: milliseconds added to every SQS call.
    """
    with rig.line(round_trip / _MS) as line:
        preload(rig.emulator.client(), line.queues.url, form, orders)
        told = line.environment()
        options = {
            "--endpoint": told["SQS_ENDPOINT"],
            "--queue-url": told["SQS_QUEUE_URL"],
            "--orders": orders,
            "--connections": CONNECTIONS,
        }
        arguments = [str(part) for option in options.items() for part in option]
        with running([sys.executable, "-m", "bench.direct", *arguments], line, "direct", {}) as process:
            code = process.wait(_MARGIN)
            if code:
                raise RuntimeError(f"it ended with {code}: {process.output[-300:]}")
            result = json.loads(process.output)
        return {"backlog": orders, "rate": result["messages"] / result["seconds"], "calls": line.proxy.calls()}
