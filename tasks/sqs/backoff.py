"""How long to wait before trying again: twice as long each time, up to a limit, with jitter."""

import random
from typing import Final

#: A float has no room for 2 ** 1024, and an outage may last.
MAX_DOUBLINGS: Final = 30


def pause(failures: int, first: float, longest: float) -> float:
    """Seconds to wait after so many failures.

    Args:
        failures: how many there have been before this one.
        first: seconds after the first, at the most.
        longest: seconds, at the most, however many there were.
    """
    ceiling = min(longest, first * 2 ** min(failures, MAX_DOUBLINGS))
    # At least half, so that a failing service is not asked in bursts.
    return random.uniform(ceiling / 2, ceiling)
