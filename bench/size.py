"""The size of a run: the full one, or just enough to see that the benchmark works."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.contenders import EVENTS_OFF, LOOP, NAMES, OURS, TUNINGS
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

#: The drains show what the task events cost; elsewhere they are on.
_WITH_EVENTS: Final = tuple(name for name in NAMES if name != EVENTS_OFF)


@dataclass(frozen=True, kw_only=True)
class Size:
    """The size of a run.

    Attributes:
        repetitions: of each measurement; the report shows medians.
        round_trips: milliseconds added to the SQS calls, for the drains.
        usual: the round trip of everything else.
        orders: in the usual backlog.
        limit: seconds after which a drain is stopped; its rate is that of the orders stored by then.
        tunings: how many of `TUNINGS` are tried.
        tuning_limit: seconds after which a drain with one of these is stopped.
        ceiling: seconds for which the emulator or the database alone is measured.
        steady: seconds of steady load.
        steady_names: the workers that get it.
        backlogs: orders in the queue, for the rate against the backlog.
        backlog_limit: seconds after which a drain of such a backlog is stopped.
        workers: how many of them run at once, by contender.
        concurrency: pool sizes of the project's worker.
        memory_orders: how many the long run has.
        memory_limit: seconds after which the long run is stopped.
        warm_up: seconds of load before the first intake run. With plain Celery the first request of each thread
            makes a boto3 client, a tenth of a second of CPU for each.
        load: seconds of load per intake run.
        connections: of the load, one after the other.
        cold_names: the workers whose start is timed.
        cold_webs: the web applications whose start is timed.
        idle: seconds for which idle workers are measured.
        idle_names: the workers that are measured.
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
    steady_names=_WITH_EVENTS,
    backlogs=(1000, 10_000, 100_000),
    backlog_limit=15,
    workers={OURS: (1, 2, 4), LOOP: (1, 2, 4)},
    concurrency=(1, 2, 4),
    memory_orders=200_000,
    memory_limit=300,
    warm_up=6,
    load=5,
    connections=(1, USUAL, 256),
    cold_names=_WITH_EVENTS,
    cold_webs=(DELAY_INTAKE, NO_QUEUE, OUR_INTAKE),
    idle=60,
    idle_names=_WITH_EVENTS,
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
