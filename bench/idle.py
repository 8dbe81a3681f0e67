"""What workers cost that have nothing to do: SQS calls per minute on an empty queue."""

import contextlib
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from bench.contenders import Contender
from bench.rig import Rig, running
from tests.polling import poll

_START_TIMEOUT: Final = 40  # seconds
_QUIET: Final = 2.0  # seconds after "ready." that belong to the start
_MINUTE: Final = 60.0


def idle(rig: Rig, contenders: Sequence[Contender], seconds: float) -> list[dict[str, Any]]:
    """All contenders at once, each on a queue of its own: idle workers do not disturb each other."""
    with contextlib.ExitStack() as stack:
        lines = []
        for contender in contenders:
            line = stack.enter_context(rig.line(0))
            environment = line.environment() | contender.settings
            worker = stack.enter_context(running(list(contender.command), line, "worker", environment))
            poll(partial(worker.says, contender.ready), _START_TIMEOUT, f"{contender.name} is ready")
            lines.append(line)
        time.sleep(_QUIET)
        before = [line.proxy.calls() for line in lines]
        time.sleep(seconds)
        after = [line.proxy.calls() for line in lines]
    return [
        {
            "contender": contender.name,
            "seconds": seconds,
            "calls": sum(then.values()) - sum(first.values()),
            "per_minute": (sum(then.values()) - sum(first.values())) * _MINUTE / seconds,
        }
        for contender, first, then in zip(contenders, before, after, strict=True)
    ]
