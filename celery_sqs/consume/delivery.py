"""A delivery: a message that SQS has handed to this worker, and its state until it is settled."""

import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class State(StrEnum):
    """Where a delivery is on its way. `docs/internals.md` draws it."""

    READY = "ready"  # received; waits for the worker's event loop
    RESERVED = "reserved"  # handed to Celery; waits for a batch or a free process
    RUNNING = "running"  # its task runs in the pool
    PARKED = "parked"  # kept through an outage, leased; goes on as READY
    SETTLED = "settled"  # no longer in flight: it is being deleted or released, or its visibility timeout ends
    LOST = "lost"  # its lease has ended: SQS may have handed it to another worker


#: The states that may follow. LOST and SETTLED end the way: a message that comes again is a new delivery.
FOLLOWING: Final[dict[State, frozenset[State]]] = {
    State.READY: frozenset({State.RESERVED, State.PARKED, State.SETTLED, State.LOST}),
    State.RESERVED: frozenset({State.RUNNING, State.PARKED, State.SETTLED, State.LOST}),
    State.RUNNING: frozenset({State.PARKED, State.SETTLED, State.LOST}),
    State.PARKED: frozenset({State.RESERVED, State.SETTLED, State.LOST}),
    State.SETTLED: frozenset(),
    State.LOST: frozenset(),
}

# One for all deliveries: it is held for a comparison and an assignment.
_CHANGING: Final = threading.Lock()


@dataclass(eq=False, slots=True)
class Delivery:
    """A message that was handed to us, and until when it is ours.

    Attributes:
        message: the entry of ReceiveMessage's answer.
        queue: the queue's name.
        queue_url: the queue's URL.
        visibility_timeout: seconds that the queue hides a message it has handed out.
        leased_until: when it is visible to others again, on the monotonic clock.
        max_receive_count: receives that the queue allows; None where it has no redrive policy.
        received_at: when it came, on the monotonic clock.
        state: where it is on its way; changed by `advance` alone.
    """

    message: Any
    queue: str
    queue_url: str
    visibility_timeout: float
    leased_until: float
    max_receive_count: int | None = None
    received_at: float = field(default_factory=time.monotonic)
    state: State = State.READY

    def advance(self, state: State) -> bool:
        """Change the state, from any thread; False, and nothing changes, where that state may not follow."""
        with _CHANGING:
            if state not in FOLLOWING[self.state]:
                return False
            self.state = state
            return True

    @property
    def is_lost(self) -> bool:
        """Whether another worker may have it by now."""
        return self.state is State.LOST or time.monotonic() >= self.leased_until

    @property
    def has_begun(self) -> bool:
        """Whether its task runs, or has run."""
        return self.state in {State.RUNNING, State.SETTLED}

    @property
    def receipt_handle(self) -> str:
        """What SQS asks for in all that concerns this delivery."""
        handle: str = self.message["ReceiptHandle"]
        return handle

    @property
    def message_id(self) -> str:
        """The message's id, the same for each of its deliveries."""
        message_id: str = self.message.get("MessageId", "")
        return message_id

    @property
    def receive_count(self) -> int:
        """How often SQS has handed out the message, this time included; 1 where it does not say."""
        try:
            return max(1, int(self.message["Attributes"]["ApproximateReceiveCount"]))
        except (LookupError, TypeError, ValueError):
            return 1

    @property
    def is_last(self) -> bool:
        """Whether the queue allows no further receive."""
        return self.max_receive_count is not None and self.receive_count >= self.max_receive_count
