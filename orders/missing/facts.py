"""What is on record of an accepted order, as far as its fate follows from it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is on record of an accepted order. All instants are aware, UTC.

    Attributes:
        accepted_at: when the queue confirmed it first.
        seen_at: the last sign of life: a send, a receive, an attempt.
        is_stored: whether its row is there.
        is_dead: whether a message of it is in the DLQ, or was there until the DLQ deleted it for its age.
        died_at: its last final attempt; None without one.
        left_at: when a message of it last left the DLQ to be tried again; None if none has.
        discarded_at: when an operator discarded it, or revoked its task; None if nobody has.
        gone_at: when the queue and the DLQ were found to be empty; None if they have not been.
    """

    accepted_at: datetime
    seen_at: datetime
    is_stored: bool = False
    is_dead: bool = False
    died_at: datetime | None = None
    left_at: datetime | None = None
    discarded_at: datetime | None = None
    gone_at: datetime | None = None

    @property
    def last_seen_at(self) -> datetime:
        """The last sign of life, whoever has seen it."""
        return max(self.seen_at, self.accepted_at, *(at for at in (self.died_at, self.left_at) if at))
