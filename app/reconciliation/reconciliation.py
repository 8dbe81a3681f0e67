"""What a reconciliation finds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from orders.missing.fate import Fate

#: Missing orders that are named one by one; the rest is counted.
MOST_NAMED: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """An accepted order that is nowhere to be found. All instants are aware, UTC.

    Attributes:
        order_id: its id.
        accepted_at: when the queue confirmed it.
        seen_at: its last sign of life.
    """

    order_id: str
    accepted_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What has become of the orders that were accepted within a time. All instants are aware, UTC.

    Attributes:
        since: the first instant.
        until: the instant that is no longer within.
        accepted: how many orders an event says were sent.
        fates: how many of them have come to each `Fate`; all together they are the accepted ones.
        missing: those that are nowhere to be found, `MOST_NAMED` at the most, the first accepted first.
        before: an order whose last sign of life is this old can be found missing; None: none can, without a scan of
            the DLQ.
    """

    since: datetime
    until: datetime
    accepted: int
    fates: dict[str, int]
    missing: list[Missing]
    before: datetime | None

    @property
    def adds_up(self) -> bool:
        """Whether no order is missing."""
        return not self.fates[Fate.MISSING]
