"""DeleteMessage and ChangeMessageVisibility, of one message.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
"""

from typing import Any

from tests.simulation.sqs.faults import Faults
from tests.simulation.sqs.message import Message, State
from tests.simulation.sqs.queue import Queue
from tests.simulation.sqs.receiving import MAX_VISIBILITY
from tests.simulation.sqs.refusal import Refused, checked_number, invalid, missing


def delete(queue: Queue, entry: dict[str, Any], faults: Faults) -> None:
    """Delete a message that was received.

    With a receipt handle that is not its last one a standard queue confirms it, and keeps the message.

    Raises:
        Refused: the receipt handle is none, or one of a FIFO queue that has expired.
    """
    handle, message = _found(queue, entry)
    if message is None:
        return
    if queue.is_fifo:
        _require_in_flight(message, handle)
    elif faults.forgets_deletions or (message.handle != handle and not faults.heeds_old_handles):
        return
    queue.remove(message)


def change_visibility(queue: Queue, entry: dict[str, Any], now: float) -> None:
    """Say when a message that is in flight is visible again.

    Raises:
        Refused: the message is not in flight, or would be hidden for too long.
    """
    handle, message = _found(queue, entry)
    if entry.get("VisibilityTimeout") is None:
        raise missing("VisibilityTimeout")
    seconds = checked_number(entry, "VisibilityTimeout", 0, 0, MAX_VISIBILITY)
    if message is None or message.handle != handle:
        reason = "Message does not exist or is not available for visibility timeout change."
        raise invalid("ReceiptHandle", handle, reason)
    if queue.is_fifo:
        _require_in_flight(message, handle)
    if message.state is not State.IN_FLIGHT:
        raise Refused("MessageNotInflight", "The specified message isn't in flight.")
    if now + seconds > message.received_at + MAX_VISIBILITY:
        reason = f"Total VisibilityTimeout for the message is beyond the limit [{MAX_VISIBILITY} seconds]."
        raise invalid("VisibilityTimeout", seconds, reason)
    queue.hide(message, now + seconds)


def _found(queue: Queue, entry: dict[str, Any]) -> tuple[str, Message | None]:
    handle = entry.get("ReceiptHandle")
    if not handle:
        raise missing("ReceiptHandle")
    return handle, queue.found(handle)


def _require_in_flight(message: Message, handle: str) -> None:
    if message.state is not State.IN_FLIGHT or message.handle != handle:
        raise invalid("ReceiptHandle", handle, "The receipt handle has expired.")
