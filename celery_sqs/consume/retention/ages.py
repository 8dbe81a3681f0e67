"""How old a message may be, and how often to look for older ones: shares of the queue's retention."""

from dataclasses import dataclass
from typing import Final

from celery_sqs import system
from celery_sqs.aws.queue import QueueFacts
from celery_sqs.consume.delivery import Delivery

#: What is older than this share of the retention is renewed.
OLD: Final = 1 / 2

#: Once it has to be done, it is done for all that is older than this: the next time is a while away then.
NOT_YOUNG: Final = 1 / 4

#: Between two looks; which, depends on the oldest message of the last one.
SHORTEST_PAUSE: Final = 1 / 20
LONGEST_PAUSE: Final = 1 / 8

#: In which a message may be hidden when it becomes old, by a killed worker or until its next attempt. The look after
#: that begins when 7/8 of the retention are over, at the latest.
HIDDEN: Final = 1 / 4


def is_kept(queue: QueueFacts) -> bool:
    """Whether a queue's messages are renewed when they are old.

    Not those of a FIFO queue: a copy would lose its place. Without a redrive policy the retention is what ends a
    message that always fails.
    """
    return not queue.is_fifo and queue.max_receive_count is not None


def age(delivery: Delivery) -> float:
    """Seconds since this copy was sent, by the clocks of SQS and this machine; 0 where SQS does not say.

    The clocks may differ by a few minutes, or SQS refuses every call; so a retention of less than half an hour needs
    them to agree.
    """
    return max(0.0, system.time.time() - delivery.copy_sent_at / 1000) if delivery.copy_sent_at else 0.0


@dataclass(frozen=True, slots=True)
class Ages:
    """What the retention of a queue means for its messages.

    Attributes:
        retention: seconds that it keeps a message.
    """

    retention: float

    @property
    def old(self) -> float:
        """Seconds after which a message is renewed."""
        return self.retention * OLD

    @property
    def not_young(self) -> float:
        """Seconds after which a message is renewed along with old ones."""
        return self.retention * NOT_YOUNG

    @property
    def shortest_pause(self) -> float:
        """Seconds between two looks, at the least."""
        return self.retention * SHORTEST_PAUSE

    def pause(self, oldest: float) -> float:
        """Seconds until the next look, at the most: half of the time that is left until the oldest message is old.

        So a queue that somebody else has gone through is looked into less often, however many workers it has.

        Args:
            oldest: seconds, the age of the oldest message that the last look has found; 0: none.
        """
        return min(max((self.old - oldest) / 2, self.shortest_pause), self.retention * LONGEST_PAUSE)
