"""How fast a repair sends, and how long it waits."""

from dataclasses import dataclass

from celery_sqs.dlq.queue import VISIBILITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """The limits of a repair.

    Attributes:
        rate: messages sent per second, at the most.
        confirm_within: seconds without a newly confirmed or failed message after which the rest stays unconfirmed.
        poll: seconds between two checks of the outcome, or of the scan lock.
        hidden_for: seconds for which another process may hide a message; one that is missed for longer is gone.
        lock_timeout: seconds to wait for other processes' scans of the DLQ.
    """

    rate: float = 200.0
    confirm_within: float = 60.0
    poll: float = 0.25
    hidden_for: float = VISIBILITY + 5.0
    lock_timeout: float = 120.0
