"""One look at a backlog: what the emulator makes of it when asked directly, and then what the worker makes of it."""

from typing import Any

from bench.contenders import Contender
from bench.drain import MS, emptied
from bench.filling import fill
from bench.limit import emptied_directly
from bench.rig import Rig


def backlog(rig: Rig, contender: Contender, round_trip: int, orders: int, seconds: float) -> list[dict[str, Any]]:
    """The rates at the same backlog, of both.

    Both work on one queue, which is filled up between: filling takes longer than measuring.

    Args:
        rig: the shared parts.
        contender: the worker.
        round_trip: milliseconds added to every SQS call.
        orders: the backlog.
        seconds: after which each is cut.
    """
    with rig.line(round_trip / MS) as line:
        fill(rig, line.queues, contender.form, orders)
        direct = emptied_directly(line, orders, round_trip, seconds)
        fill(rig, line.queues, contender.form, direct["deleted"])
        drained = emptied(rig, line, contender, orders, seconds)
    # The proxy counts for both.
    drained["calls"] = {action: count - direct["calls"].get(action, 0) for action, count in drained["calls"].items()}
    return [{"who": "emulator", **direct}, {"who": contender.name, **drained}]
