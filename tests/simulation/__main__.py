"""`make simulate`: lives for so many seconds, or that of one seed with its trace. Exits 1 where anything is wrong."""

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.course import live
from tests.simulation.life import Outcome

CHUNK = 20  # lives that a process is given at a time
PROCESSES = 2


def lives(first: int) -> list[Outcome]:
    """The lives of some seeds."""
    return [live(seed) for seed in range(first, first + CHUNK)]


def outcomes(first: int, seconds: float) -> Iterator[Outcome]:
    """Lives until the time is over."""
    ends = time.monotonic() + seconds
    with ProcessPoolExecutor(PROCESSES) as pool:
        under_way = []
        while under_way or time.monotonic() < ends:
            while len(under_way) < 2 * PROCESSES and time.monotonic() < ends:
                under_way.append(pool.submit(lives, first))
                first += CHUNK
            yield from under_way.pop(0).result()


def report(found: list[Outcome]) -> str:
    """What has come of many lives."""
    faults: Counter[str] = Counter()
    for outcome in found:
        faults.update(outcome.faults)
    wrong = [outcome for outcome in found if outcome.violation is not None]
    lines = [
        f"{len(found)} lives, seeds {found[0].seed} to {found[-1].seed}",
        f"{sum(each.messages for each in found)} messages",
        f"{sum(each.seconds for each in found) / 3600:.1f} simulated hours, {sum(each.steps for each in found)} steps",
        f"{sum(each.dead for each in found)} good messages were dead for a while, and were rescued",
        *(f"  {count:8} {fault}" for fault, count in faults.most_common()),
        f"{len(wrong)} violations",
        *(f"  SEED={outcome.seed}: {outcome.violation}" for outcome in wrong),
    ]
    return "\n".join(lines)


def replay(seed: int) -> bool:
    """Print the life of a seed; says whether it was in order."""
    outcome = live(seed, is_traced=True)
    print("\n".join(outcome.trace))
    if outcome.violation is not None:
        traceback.print_exception(outcome.violation)
    print(
        f"seed {seed}: {outcome.seconds:.0f} s, {outcome.steps} steps, digest {outcome.digest & 0xFFFFFFFFFFFFFFFF:x}"
    )
    return outcome.violation is None


def main() -> int:
    """Simulate."""
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one, with its trace")
    options = parser.parse_args()
    if options.seed is not None:
        return 0 if replay(options.seed) else 1
    found = list(outcomes(options.first, options.seconds))
    print(report(found))
    return 1 if any(outcome.violation for outcome in found) else 0


if __name__ == "__main__":
    sys.exit(main())
