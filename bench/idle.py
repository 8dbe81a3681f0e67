"""The cost of idle workers: SQS calls per minute on an empty queue."""

import contextlib
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from bench.contenders import Contender
from bench.testbed import Testbed, running
from tests.polling import poll

_START_TIMEOUT: Final = 40  # seconds
_WARM_UP: Final = 2.0  # seconds after "ready." in which calls belong to the start
_MINUTE: Final = 60.0


def idle(testbed: Testbed, contenders: Sequence[Contender], seconds: float) -> list[dict[str, Any]]:
    """Measure all contenders at once, each on a queue of its own: idle workers take no CPU from each other."""
    with contextlib.ExitStack() as stack:
        backends = []
        for contender in contenders:
            backend = stack.enter_context(testbed.backend(0))
            environment = backend.environment() | contender.settings
            worker = stack.enter_context(running(list(contender.command), backend, "worker", environment))
            poll(partial(worker.says, contender.ready), _START_TIMEOUT, f"{contender.name} is ready")
            backends.append(backend)
        time.sleep(_WARM_UP)
        before = [backend.proxy.calls() for backend in backends]
        time.sleep(seconds)
        after = [backend.proxy.calls() for backend in backends]
    return [
        {
            "contender": contender.name,
            "seconds": seconds,
            "calls": sum(then.values()) - sum(first.values()),
            "per_minute": (sum(then.values()) - sum(first.values())) * _MINUTE / seconds,
        }
        for contender, first, then in zip(contenders, before, after, strict=True)
    ]
