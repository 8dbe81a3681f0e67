"""The rate at one backlog: of the emulator when it is asked directly, and then of the worker."""

from typing import Any

from bench.contenders import Contender
from bench.drain import MS, drain_backend
from bench.prefill import prefill
from bench.testbed import Testbed
from bench.upper_bounds import drain_directly


def backlog(
    testbed: Testbed, contender: Contender, round_trip: int, orders: int, seconds: float
) -> list[dict[str, Any]]:
    """The rates of both at the same backlog.

    Both drain the same queue, which is filled up in between: that takes less time than to fill another queue.

    Args:
        testbed: where to run.
        contender: the worker.
        round_trip: milliseconds added to every SQS call.
        orders: the backlog.
        seconds: after which each is stopped.
    """
    with testbed.backend(round_trip / MS) as backend:
        prefill(testbed, backend.queues, contender.make_message, orders)
        direct = drain_directly(backend, orders, round_trip, seconds)
        prefill(testbed, backend.queues, contender.make_message, direct["deleted"])
        drained = drain_backend(testbed, backend, contender, orders, seconds)
    # The proxy counts for both.
    drained["calls"] = {action: count - direct["calls"].get(action, 0) for action, count in drained["calls"].items()}
    return [{"who": "emulator", **direct}, {"who": contender.name, **drained}]
