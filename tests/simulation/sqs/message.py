"""A message in a queue."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class State(enum.IntEnum):
    """Where a message is in its queue."""

    DELAYED = 0
    VISIBLE = 1
    IN_FLIGHT = 2
    GONE = 3


@dataclass(slots=True, eq=False)
class Message:
    """A message in a queue; the times are in seconds since the epoch.

    Attributes:
        number: its place in the queue's order.
        message_id: SQS's.
        body: its text.
        attributes: its message attributes, with binary values as base64 text.
        system: its system attributes, but for those that are counted or measured.
        sent_at: when it was sent.
        md5_body: digest of its body.
        md5_attributes: digest of all its attributes; empty without any.
        state: where it is.
        changes_at: when it becomes visible, while it is delayed or in flight.
        receives: how often it was received, in all queues.
        first_received_at: when it was received first.
        received_at: when it was received last, in this queue.
        handle: the last receive's receipt handle.
    """

    number: int
    message_id: str
    body: str
    attributes: Mapping[str, Mapping[str, str]]
    system: dict[str, str]
    sent_at: float
    md5_body: str
    md5_attributes: str
    state: State = State.DELAYED
    changes_at: float = 0.0
    receives: int = 0
    first_received_at: float | None = None
    received_at: float = field(default=0.0)
    handle: str = ""

    @property
    def group(self) -> str:
        """Its message group; empty without one."""
        return self.system.get("MessageGroupId", "")

    def system_attributes(self) -> dict[str, str]:
        """All that SQS says of it."""
        return self.system | {
            "SentTimestamp": str(int(self.sent_at * 1000)),
            "ApproximateReceiveCount": str(self.receives),
            "ApproximateFirstReceiveTimestamp": str(int((self.first_received_at or 0) * 1000)),
        }
