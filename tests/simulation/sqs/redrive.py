"""What becomes of a message whose receives are used up: it goes to the DLQ.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
"""

import dataclasses

from tests.simulation.sqs.message import Message, State
from tests.simulation.sqs.queue import Queue
from tests.simulation.sqs.sending import sequence


def move(message: Message, dlq: Queue, source_arn: str, now: float) -> None:
    """Put a message that has left its queue into the DLQ, under the same id.

    A standard queue leaves the time that it was sent at as it is, and counts the retention from there; a FIFO queue
    begins anew.
    """
    number = dlq.next_number()
    system = message.system | {"DeadLetterQueueSourceArn": source_arn}
    if dlq.is_fifo:
        system["SequenceNumber"] = sequence(number)
    sent_at = now if dlq.is_fifo else message.sent_at
    moved = dataclasses.replace(message, number=number, system=system, sent_at=sent_at, state=State.DELAYED)
    dlq.add(moved, now, now)
    dlq.advance(now)
