"""What may go wrong with one call, as AWS documents it, decided by whoever makes the call.

A slow answer is not among them: the caller lets its time pass, before the call or after it.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The faults of one call; by default there are none.

    Attributes:
        refusal: the code that SQS refuses the call with, before any effect: `RequestThrottled`, `ServiceUnavailable`.
        loses_answer: the call takes effect, and the caller gets `NoAnswer`.
        failing_entries: positions in a batch that fail with `InternalError`, without effect.
        finds_nothing: a short poll asks servers that have none of the messages.
        delivers_again: how many messages in flight a receive delivers once more; standard queues only.
        forgets_deletions: what is deleted is confirmed, and comes again after its visibility timeout; standard only.
        heeds_old_handles: a receipt handle that is not the last one deletes all the same; standard queues only.
    """

    refusal: str = ""
    loses_answer: bool = False
    failing_entries: frozenset[int] = frozenset()
    finds_nothing: bool = False
    delivers_again: int = 0
    forgets_deletions: bool = False
    heeds_old_handles: bool = False


NO_FAULTS: Final = Faults()
