"""What has become of an accepted order, decided from facts alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from orders.missing.facts import Facts


class Fate(StrEnum):
    """What an accepted order has come to. Every one has one of these."""

    STORED = "stored"
    WAITING = "waiting"
    DEAD = "dead"
    DISCARDED = "discarded"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFacts:
    """What is known of the queue, which decides about all orders alike.

    Attributes:
        as_of: when the last full scan of the DLQ began: what had died by then was found. None without a scan.
        kept_for: how long a message may be in the queue without anybody noting it.
        renewed_at: when a worker last renewed an old message, of whatever order; None if none has.
    """

    as_of: datetime | None
    kept_for: timedelta
    renewed_at: datetime | None = None

    @property
    def before(self) -> datetime | None:
        """Who was seen at this instant or later may be in the queue; None: everybody may."""
        return self.as_of and self.as_of - self.kept_for

    def fate(self, order: Facts) -> Fate:
        """What has become of an order.

        It is missing only if no message of it can be left: its queue has deleted what nobody renewed since it was last
        seen. As long as there is a chance that it lives, it is waiting.
        """
        if order.is_stored:
            return Fate.STORED
        if order.is_dead:
            return Fate.DEAD
        if order.discarded_at and order.discarded_at >= order.last_seen_at:
            return Fate.DISCARDED
        if order.died_at and not (order.left_at and order.left_at > order.died_at):
            return Fate.DEAD
        return Fate.WAITING if self._may_live(order) else Fate.MISSING

    def _may_live(self, order: Facts) -> bool:
        if self.before is None or order.last_seen_at >= self.before:
            return True
        # It may be any order's message that was renewed, unless the queue was empty since.
        is_gone = order.gone_at is not None and order.gone_at >= order.last_seen_at
        return not is_gone and self.renewed_at is not None and self.renewed_at >= self.before
