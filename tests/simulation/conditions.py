"""Under which conditions a life is lived."""

from dataclasses import dataclass
from random import Random
from typing import Final

from tests.simulation.sizes import Sizes
from tests.simulation.world.faults import FaultRates
from tests.simulation.world.plans import BATCH, SINGLE, Plan, draw

#: How many of its messages are for a single task, in each life one of these.
SINGLES: Final = (0.0, 0.0, 0.0, 0.5, 1.0)


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
