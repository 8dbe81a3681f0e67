"""`make model`: the searches and the lives that take too long for a test. Exits 1 where anything is wrong."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.model.lifecycle import Lifecycle
from tests.model.lives import Lives, live, was_killed_in_renewals
from tests.model.reduced import Reduced
from tests.model.rules import AS_BUILT
from tests.model.search import search
from tests.model.sizes import Sizes

WORLDS = [
    Sizes(good=2, killers=2, deletes_soon=True),
    Sizes(good=2, killers=1, kills=1, stops=1, deletes_soon=True),
]
LIVES_OF = Sizes(good=3, killers=2, kills=2, stops=2, deletes_soon=True, follows_deaths=True)
LIVES = 1_000_000
PARTS = 20  # of the lives, each with a seed of its own
PROCESSES = 2
SEED = 14


def searched(sizes: Sizes) -> bool:
    """Search a world and print what is found; says whether nothing is wrong."""
    began = time.monotonic()
    found = search(Reduced(sizes, AS_BUILT))
    print(f"{sizes}: {found}; {time.monotonic() - began:.0f} s", flush=True)
    return found.complaint is None


def part_of_lives(seed: int) -> Lives:
    """Some of the lives."""
    return live(Lifecycle(LIVES_OF, AS_BUILT), LIVES // PARTS, seed)


def lived(pool: ProcessPoolExecutor) -> bool:
    """Have all the lives, and print what comes of them; says whether nothing is wrong."""
    began = time.monotonic()
    found = Lives()
    for part in pool.map(part_of_lives, range(SEED, SEED + PARTS)):
        found.add(part)
    print(f"{found}; {time.monotonic() - began:.0f} s", flush=True)
    for complaint, count in found.complaints.items():
        print(f"  {complaint}: {count}")
    return not found.complaints and all(map(was_killed_in_renewals, found.deaths))


def main() -> int:
    """Search the worlds, beside the lives."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        results = [*pool.map(searched, WORLDS), lived(pool)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
