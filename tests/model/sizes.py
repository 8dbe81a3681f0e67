"""How large a world is, and what may still happen in it."""

from dataclasses import dataclass
from typing import NamedTuple

from tests.model.moves import OVER


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large a world is.

    Attributes:
        good: orders that can be stored.
        killers: orders whose run ends the worker.
        kills: deaths of a worker that no order causes.
        stops: stops of a worker.
        outages: times in which nothing can be stored, put on record or looked up.
        leases: leases that end too early.
        pauses: of the queue, each for one worker, which receives again at once.
        failures: attempts at good orders that fail, and end no worker.
        workers: how many there are, each started again after its end.
        rescues: whether the rescuer is there.
        keeps_done: whether what is stored is followed until it is deleted, or forgotten at once.
        spares_renewals: whether no kill strikes between a receive and what follows from it, but for an outage.
        deletes_soon: whether nothing but a death of a worker comes between a copy's sending and the old one's delete.
        follows_deaths: whether a copy records where its worker's deaths have met it.
    """

    good: int
    killers: int = 0
    kills: int = 0
    stops: int = 0
    outages: int = 0
    leases: int = 0
    failures: int = 0
    pauses: int = 0
    workers: int = 1
    rescues: bool = True
    keeps_done: bool = False
    spares_renewals: bool = False
    deletes_soon: bool = False
    follows_deaths: bool = False


class Environment(NamedTuple):
    """What may happen still, and whether there is an outage."""

    kills: int
    stops: int
    outages: int
    leases: int
    failures: int = 0
    outage: int = OVER
    pauses: int = 0
