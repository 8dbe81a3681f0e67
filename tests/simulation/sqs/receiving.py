"""ReceiveMessage, but for its waiting: whoever calls waits, and asks again.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.simulation.sqs.content import md5_of_attributes
from tests.simulation.sqs.faults import Faults
from tests.simulation.sqs.message import Message, State
from tests.simulation.sqs.queue import Queue
from tests.simulation.sqs.refusal import Refused, checked_number

#: Seconds that a message can be hidden, from its receive on.
MAX_VISIBILITY: Final = 43_200
MAX_COUNT: Final = 10
MAX_WAIT: Final = 20  # seconds

_ALL: Final = {"All", ".*"}


def wait_of(queue: Queue, parameters: dict[str, Any]) -> int:
    """Seconds that a receive waits for a first message."""
    return checked_number(parameters, "WaitTimeSeconds", queue.wait, 0, MAX_WAIT)


def receive(
    queue: Queue, parameters: dict[str, Any], now: float, limit: int, max_receives: float, faults: Faults
) -> tuple[list[dict[str, Any]], list[Message]]:
    """Receive once; returns the answer's messages, and those that are to go to the DLQ.

    Args:
        queue: the queue.
        parameters: of the call.
        now: seconds since the epoch.
        limit: messages that may be in flight.
        max_receives: receives after which a message goes to the DLQ.
        faults: what goes wrong.

    Raises:
        Refused: the parameters make no sense, or too many messages are in flight already.
    """
    if "ReceiveRequestAttemptId" in parameters:
        raise Refused("UnsupportedOperation", "ReceiveRequestAttemptId is not simulated.")
    count = checked_number(parameters, "MaxNumberOfMessages", 1, 1, MAX_COUNT)
    seconds = checked_number(parameters, "VisibilityTimeout", queue.visibility_timeout, 0, MAX_VISIBILITY)
    wait = wait_of(queue, parameters)
    room = limit - queue.counts[State.IN_FLIGHT]
    if room <= 0:
        # A long poll gets no error, and a FIFO queue has none for this.
        if wait or queue.is_fifo:
            return [], []
        raise Refused("OverLimit", "The maximum number of in flight messages is reached.")
    if faults.finds_nothing and not wait and not queue.is_fifo:
        return [], []
    in_flight = _some_in_flight(queue, faults)
    messages, dead = queue.receive(min(count, room), now, seconds, max_receives)
    for message in in_flight[: count - len(messages)]:
        queue.deliver(message, now, seconds)
        messages.append(message)
    return _answer(messages, parameters), dead


def _some_in_flight(queue: Queue, faults: Faults) -> list[Message]:
    """What is delivered although it is in flight: as many as the fault says, those longest in flight first."""
    if not faults.delivers_again or queue.is_fifo:
        return []
    in_flight = [message for message in queue.messages.values() if message.state is State.IN_FLIGHT]
    return sorted(in_flight, key=lambda message: message.received_at)[: faults.delivers_again]


def _answer(messages: Sequence[Message], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    system = {*parameters.get("MessageSystemAttributeNames", ()), *parameters.get("AttributeNames", ())}
    names = set(parameters.get("MessageAttributeNames", ()))
    return [_entry(message, system, names) for message in messages]


def _entry(message: Message, system: set[str], names: set[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.handle,
        "MD5OfBody": message.md5_body,
        "Body": message.body,
    }
    if system:
        attributes = message.system_attributes()
        if "All" not in system:
            attributes = {name: value for name, value in attributes.items() if name in system}
        if attributes:
            entry["Attributes"] = attributes
    if not names or not message.attributes:
        return entry
    if names & _ALL:
        entry["MessageAttributes"] = message.attributes
        entry["MD5OfMessageAttributes"] = message.md5_attributes
    elif chosen := {name: value for name, value in message.attributes.items() if _is_named(name, names)}:
        entry["MessageAttributes"] = chosen
        entry["MD5OfMessageAttributes"] = md5_of_attributes(chosen)
    return entry


def _is_named(name: str, names: set[str]) -> bool:
    prefixes = tuple(each.removesuffix("*") for each in names if each.endswith(".*"))
    return name in names or name.startswith(prefixes)
