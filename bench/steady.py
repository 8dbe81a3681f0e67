"""One steady run: orders arrive at half of what the worker can do, and each one's way to its row is timed."""

import json
import sys
from typing import Any, Final

from bench.contenders import Contender
from bench.drain import MS, started
from bench.forms import orders
from bench.rig import Rig, running

#: Seconds of load before the orders that count.
WARM_UP: Final = 2.0
#: Seconds that the last orders may take.
LAST_ROWS: Final = 10.0

_SHARE: Final = 0.5  # of the peak
_MARGIN: Final = 20  # seconds


def steady(rig: Rig, contender: Contender, round_trip: int, peak: float, seconds: float) -> dict[str, Any]:
    """Send at half the peak, whatever becomes of the orders, and see when each is in the table.

    Args:
        rig: the shared parts.
        contender: the worker.
        round_trip: milliseconds added to every SQS call of the worker.
        peak: orders per second that it drained.
        seconds: how long to send, the warm-up not included.
    """
    rate = peak * _SHARE
    count = max(round(rate * (WARM_UP + seconds)), 2)
    with rig.line(round_trip / MS) as line:
        messages = line.folder / "messages.json"
        name = line.queues.url.rsplit("/", 1)[-1]
        made = [(order["orderId"], contender.form(order, name)) for order in orders(count)]
        messages.write_text(json.dumps(made))
        options = {
            # Past the proxy: the sender's own way is no part of what is measured.
            "--endpoint": rig.emulator.url,
            "--queue-url": line.queues.url,
            "--database": line.database_url,
            "--messages": messages,
            "--rate": rate,
            "--warm-up": WARM_UP,
            "--last-rows": LAST_ROWS,
        }
        arguments = [str(part) for option in options.items() for part in option]
        with (
            started(line, contender, 1),
            running([sys.executable, "-m", "bench.persist_clock", *arguments], line, "clock", {}) as clock,
        ):
            code = clock.wait(WARM_UP + seconds + LAST_ROWS + _MARGIN)
            if code:
                raise RuntimeError(f"the clock ended with {code}: {clock.output[-300:]}")
            result: dict[str, Any] = json.loads(clock.output)
    if result["p50_ms"] is None:
        raise RuntimeError("no order was stored")
    return {"peak": peak, "sent_rate": rate, **result}
