"""How much is run: everything, or just enough to see that it works."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.contenders import LOOP, NAMES, OURS, TUNINGS, UNWATCHED
from bench.intake import DELAY as DELAY_INTAKE
from bench.intake import NO_QUEUE, USUAL
from bench.intake import OURS as OUR_INTAKE

DRAIN: Final = "drain"
STEADY: Final = "steady"
BACKLOG: Final = "backlog"
SCALE: Final = "scale"
MEMORY: Final = "memory"
INTAKE: Final = "intake"
COLD: Final = "cold"
IDLE: Final = "idle"

#: What can be measured alone, in the order of a run.
PARTS: Final = (DRAIN, STEADY, BACKLOG, SCALE, MEMORY, INTAKE, COLD, IDLE)

#: What the reports cost shows in the drains; elsewhere they are on.
_WATCHED: Final = tuple(name for name in NAMES if name != UNWATCHED)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is run.

    Attributes:
        repetitions: of each measurement; the report shows medians.
        round_trips: milliseconds added to the SQS calls, for the drains.
        usual: the round trip of everything else.
        orders: in the usual backlog.
        limit: seconds after which a drain is cut; its rate is that of the orders stored by then.
        tunings: how many of `TUNINGS` are tried.
        tuning_limit: seconds after which such a try is cut.
        ceiling: seconds of emulator or database alone.
        steady: seconds of steady load.
        steady_names: who gets it.
        backlogs: orders in the queue, for the rate against the backlog.
        backlog_limit: seconds after which a look at a backlog is cut.
        workers: how many of them run at once, by contender.
        concurrency: pool sizes of the project's worker.
        memory_orders: how many the long run has.
        memory_limit: seconds after which it is cut.
        warm_up: seconds of load before the first intake run. With plain Celery the first request of each thread
            makes a boto3 client, a tenth of a second of CPU for each.
        load: seconds of load per intake run.
        connections: of the load, one after the other.
        cold_names: the workers whose start is timed.
        cold_webs: the same for the web.
        idle: seconds of idling.
        idle_names: who idles.
    """

    repetitions: int
    round_trips: Sequence[int]
    usual: int
    orders: int
    limit: float
    tunings: int
    tuning_limit: float
    ceiling: float
    steady: float
    steady_names: Sequence[str]
    backlogs: Sequence[int]
    backlog_limit: float
    workers: Mapping[str, Sequence[int]]
    concurrency: Sequence[int]
    memory_orders: int
    memory_limit: float
    warm_up: float
    load: float
    connections: Sequence[int]
    cold_names: Sequence[str]
    cold_webs: Sequence[str]
    idle: float
    idle_names: Sequence[str]


FULL: Final = Size(
    repetitions=3,
    round_trips=(0, 10, 30),
    usual=10,
    orders=4000,
    limit=8,
    tunings=len(TUNINGS),
    tuning_limit=5,
    ceiling=3,
    steady=8,
    steady_names=_WATCHED,
    backlogs=(1000, 10_000, 100_000),
    backlog_limit=15,
    workers={OURS: (1, 2, 4), LOOP: (1, 2, 4)},
    concurrency=(1, 2, 4),
    memory_orders=200_000,
    memory_limit=300,
    warm_up=6,
    load=5,
    connections=(1, USUAL, 256),
    cold_names=_WATCHED,
    cold_webs=(DELAY_INTAKE, NO_QUEUE, OUR_INTAKE),
    idle=60,
    idle_names=_WATCHED,
)
QUICK: Final = Size(
    repetitions=1,
    round_trips=(10,),
    usual=10,
    orders=1000,
    limit=2,
    tunings=1,
    tuning_limit=0,
    ceiling=1,
    steady=2,
    steady_names=(OURS,),
    backlogs=(1000,),
    backlog_limit=2,
    workers={OURS: (2,)},
    concurrency=(1,),
    memory_orders=5000,
    memory_limit=10,
    warm_up=2,
    load=1,
    connections=(USUAL,),
    cold_names=(OURS,),
    cold_webs=(OUR_INTAKE,),
    idle=20,
    idle_names=(OURS,),
)
