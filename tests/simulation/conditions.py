"""Under which conditions a life is lived."""

from dataclasses import dataclass
from random import Random
from typing import Final

from tests.simulation.sizes import Sizes
from tests.simulation.world.faults import FaultRates
from tests.simulation.world.plans import BATCH, SINGLE, Plan, draw

#: How many of its messages are for a single task, in each life one of these.
SINGLES: Final = (0.0, 0.0, 0.0, 0.5, 1.0)

#: How many lives have messages with an `eta`.
WITH_ETA: Final = 0.15

#: Seconds until it; and for longer than SQS delays a message, which takes many steps.
DUE_IN: Final = (1.5, 20.0)
LATER: Final = 1000.0

#: How many lives with an `eta` have none that is far.
SOON: Final = 0.9


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Under which conditions a life is lived.

    Attributes:
        seed: of all chance in it.
        sizes: how large it is.
        rates: how often calls fail.
        stalls: how probable it is that a thread is held up where another one could run.
        preempts: how probable it is that another one runs there.
        keeps_record: whether there is an attempt store.
        orphans_finish: whether what the pool of a killed worker runs comes to its end alone.
    """

    seed: int
    sizes: Sizes
    rates: FaultRates
    stalls: float
    preempts: float
    keeps_record: bool
    orphans_finish: bool

    @classmethod
    def draw(cls, random: Random, is_calm: bool) -> tuple["Conditions", list[Plan]]:
        """Those of one life, and its messages."""
        sizes = Sizes.draw(random, is_calm)
        rates = FaultRates.draw(random, is_calm)
        stalls = 0.0 if is_calm else random.choice((0.0, 0.0, 0.001, 0.01))
        preempts = random.choice((0.02, 0.1, 0.4))
        seed = random.getrandbits(64)
        keeps_record = random.random() < 0.9
        plans = draw(random, sizes.messages, is_calm)
        orphans_finish = random.random() < 0.5
        singles = random.choice(SINGLES)
        for plan in plans:
            plan.task = SINGLE if random.random() < singles else BATCH
        if random.random() < WITH_ETA:
            due_in = DUE_IN if random.random() < SOON or sizes.retention < LATER else (*DUE_IN, LATER)
            for plan in plans:
                plan.due_in = random.choice((0.0, *due_in))
                plan.is_delayed = random.random() < 0.5
        conditions = cls(
            seed=seed,
            sizes=sizes,
            rates=rates,
            stalls=stalls,
            preempts=preempts,
            keeps_record=keeps_record,
            orphans_finish=orphans_finish,
        )
        return conditions, plans
