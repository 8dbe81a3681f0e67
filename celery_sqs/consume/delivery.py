"""A delivery: a message that SQS has handed to this worker, and its state until it is settled."""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from celery_sqs import system
from celery_sqs.aws.queue import LONGEST_DELAY
from celery_sqs.consume.budget import Budget, is_suspect_next
from celery_sqs.errors import UnlistedTask
from celery_sqs.message import eta, wire
from celery_sqs.message.envelope import MAX_DELAY
from celery_sqs.message.outgoing import OURS
from celery_sqs.message.renewal import Renewal, opened
from celery_sqs.message.unwrap import Unwrap, unwrapped


class State(StrEnum):
    """Where a delivery is on its way. `docs/internals.md` draws it."""

    READY = "ready"  # received; waits for the worker's event loop
    RESERVED = "reserved"  # handed to Celery; waits for a batch or a free process
    RUNNING = "running"  # its task runs in the pool
    PARKED = "parked"  # kept through an outage, leased
    RENEWING = "renewing"  # a copy of it is being sent
    SETTLED = "settled"  # no longer in flight: it is being deleted or released, or its visibility timeout ends
    LOST = "lost"  # its lease has ended: SQS may have handed it to another worker


#: The states that may follow. LOST and SETTLED end the way: a message that comes again is a new delivery.
FOLLOWING: Final[dict[State, frozenset[State]]] = {
    State.READY: frozenset({State.RESERVED, State.PARKED, State.RENEWING, State.SETTLED, State.LOST}),
    State.RESERVED: frozenset({State.RUNNING, State.PARKED, State.RENEWING, State.SETTLED, State.LOST}),
    State.RUNNING: frozenset({State.PARKED, State.RENEWING, State.SETTLED, State.LOST}),
    State.PARKED: frozenset({State.READY, State.RENEWING, State.SETTLED, State.LOST}),
    # SQS would not take the copy.
    State.RENEWING: frozenset({State.READY, State.SETTLED, State.LOST}),
    State.SETTLED: frozenset(),
    State.LOST: frozenset(),
}

# One lock for all deliveries: taken for a comparison and an assignment only.
_CHANGING: Final = system.threading.Lock()


@dataclass(eq=False, slots=True)
class Delivery:
    """A message that was handed to us, and until when it is ours.

    Attributes:
        message: the entry of ReceiveMessage's answer; of a copy, as it was sent first.
        queue: the queue's name.
        queue_url: the queue's URL.
        visibility_timeout: seconds that the queue hides a message it has handed out.
        leased_until: when it is visible to others again, on the monotonic clock.
        max_receive_count: receives that the queue allows; None where it has no redrive policy.
        is_renewable: whether a copy of it can be sent.
        tasks: the tasks that it may name; None for all.
        longest_delay: seconds that SQS is to delay a copy of it, at the most.
        unwraps: what opens the envelopes of its queue.
        state: where it is on its way; changed by `advance` alone.
        attempts: its failed attempts so far; None while they have not been looked up.
        explained: receives of this copy, before this one, that have an attempt on record.
        is_resent: whether this copy was made before the last attempt on record, and sent after it.
        is_alone: whether nothing else is to run when it does.
        is_submitted: whether the pool has it, or gets it from Celery as soon as a process is free.
        begun: at which receive of all copies an attempt began, if it is on record as that: it runs, or was interrupted.
        counts_receives: whether its receives are its attempts, as the store of its task does not record them.
        renewal: what it carries if it is a copy.
        copy_id: SQS's id of this copy of the message.
        copy_sent_at: when this copy was sent, in milliseconds since the epoch; 0 where SQS does not say.
        receives: how often SQS has handed out this copy, this time included; 1 where it does not say.
        due_at: when its `eta` is over, in seconds since the epoch; 0 without one.
        received_at: when it came, on the monotonic clock.
    """

    message: Any
    queue: str
    queue_url: str
    visibility_timeout: float
    leased_until: float
    max_receive_count: int | None = None
    is_renewable: bool = True
    tasks: Collection[str] | None = None
    longest_delay: int = MAX_DELAY
    unwraps: Sequence[Unwrap] = ()
    state: State = State.READY
    attempts: int | None = None
    explained: int = 0
    is_resent: bool = False
    is_alone: bool = False
    is_submitted: bool = False
    begun: int | None = None
    counts_receives: bool = False
    renewal: Renewal | None = field(init=False)
    copy_id: str = field(init=False)
    copy_sent_at: int = field(init=False)
    receives: int = field(init=False)
    due_at: float = field(init=False)
    received_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.received_at = system.time.monotonic()
        self.copy_id = self.message.get("MessageId", "")
        self.copy_sent_at = _number(self.message, "SentTimestamp", 0)
        self.receives = max(1, _number(self.message, "ApproximateReceiveCount", 1))
        self.message, self.renewal = opened(self.message)
        self.due_at = eta.due_at(self.message, self.unwraps)
        if self.renewal is not None:
            self.begun, self.counts_receives = self.renewal.begun, self.renewal.counts_receives
        if not self.is_returned:
            self.attempts = 0

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
        return self.state is State.LOST or system.time.monotonic() >= self.leased_until

    @property
    def hideable_until(self) -> float:
        """Until when SQS can be asked to hide it, on the monotonic clock."""
        return self.received_at + LONGEST_DELAY

    @property
    def has_begun(self) -> bool:
        """Whether its task runs, or has run."""
        return self.state in {State.RUNNING, State.SETTLED}

    @property
    def is_due(self) -> bool:
        """Whether its `eta`, if it has one, is over by this machine's clock."""
        return system.time.time() >= self.due_at

    @property
    def delay(self) -> int:
        """Seconds that SQS is to delay a copy of it now."""
        return eta.delay(self.due_at, self.longest_delay)

    @property
    def receipt_handle(self) -> str:
        """What SQS asks for in all that concerns this delivery."""
        handle: str = self.message["ReceiptHandle"]
        return handle

    @property
    def message_id(self) -> str:
        """SQS's id of the message when it was sent first: the same for all copies and deliveries."""
        return self.renewal.message_id if self.renewal else self.copy_id

    @property
    def receive_count(self) -> int:
        """How often SQS has handed out the message, all copies, this time included."""
        return self.receives + (self.renewal.receives if self.renewal else 0)

    @property
    def is_returned(self) -> bool:
        """Whether SQS has handed out the message before."""
        return self.renewal is not None or self.receives > 1

    @property
    def sent_at(self) -> int:
        """When it was sent first, in milliseconds since the epoch; 0 where SQS does not say."""
        return self.renewal.sent_at if self.renewal else self.copy_sent_at

    def decoded(self, default_task: str | None, is_exact: Callable[[str], bool]) -> dict[str, Any]:
        """The kombu message of it; see `celery_sqs.message.wire.decode`.

        Raises:
            Undecodable: it is no task call, or in an envelope that its queue is not configured for.
            UnlistedTask: it names a task that its queue does not list.
        """
        limit, attempts = self.max_receive_count, self.attempts
        message = unwrapped(self.message, self.unwraps)
        payload = wire.decode(message, self.queue, self.queue_url, default_task, is_exact, limit, attempts)
        headers = payload["headers"]
        attributes = message.get("MessageAttributes") or {}
        if others := {name: value for name, value in attributes.items() if not name.startswith(OURS)}:
            headers["message_attributes"] = others
        if self.tasks is not None and headers["task"] not in self.tasks:
            raise UnlistedTask(self.queue, headers["task"], headers["id"])
        return payload

    def count_receives(self) -> None:
        """Take each receive before this one for an attempt, as nothing keeps a record of them."""
        before = self._last_renewal
        self.attempts = (before.attempts or 0) + before.receives_since + self.receives - 1

    def learn(self, receives: Collection[int], last_at: datetime | None) -> None:
        """Take note of what is on record of the message.

        Args:
            receives: at which receives, of all copies, an attempt has failed; one number for each.
            last_at: when the last of them failed; None without one.
        """
        before, first = self._last_renewal, self.receive_count - self.receives
        self.attempts = len(receives)
        # Attempts at earlier copies that are on record since the last look explain receives since then.
        since = max(0, sum(receive <= first for receive in receives) - (before.attempts or 0))
        own = sum(first < receive < self.receive_count for receive in receives)
        self.explained = own + min(since, before.receives_since)
        self.is_resent = last_at is not None and before.made_at < last_at.timestamp() * 1000 < self.copy_sent_at

    def budget(self, records: bool) -> Budget:
        """What is known of it, for `celery_sqs.consume.budget`.

        Args:
            records: whether its task keeps a record of its attempts.
        """
        before = self._last_renewal
        return Budget(
            receives=self.receives,
            max_receives=self.max_receive_count,
            attempts=self.attempts,
            explained=self.explained,
            is_resent=self.is_resent,
            attempts_before=before.attempts,
            receives_before=before.receives_since,
            is_suspect=before.is_suspect,
            is_renewable=self.is_renewable,
            records=records,
            is_due=self.is_due,
        )

    def next_renewal(self, records: bool) -> Renewal:
        """What a copy of it is to carry.

        Where nothing has been looked up, it has not begun either, unless `begun` says so. So what the last renewal says
        is still valid, and this receive is none to explain: whoever receives the copy decides as if it had received
        this message. Where it is not due no receive is one to explain, as none can have begun anything.
        """
        before = dataclasses.replace(
            self._last_renewal,
            receives=self.receive_count,
            begun=self.begun,
            counts_receives=self.counts_receives,
            made_at=round(system.time.time() * 1000),
        )
        if not self.is_due:
            return before
        if self.attempts is None:
            return dataclasses.replace(before, receives_since=before.receives_since + self.receives - 1)
        return dataclasses.replace(
            before,
            attempts=self.attempts,
            receives_since=0,
            is_suspect=is_suspect_next(self.budget(records)),
        )

    @property
    def _last_renewal(self) -> Renewal:
        """What it carries, or would if it were a copy."""
        return self.renewal or Renewal(message_id=self.copy_id, sent_at=self.copy_sent_at, receives=0)


def _number(message: Any, name: str, default: int) -> int:
    """A number among what SQS says of a message."""
    try:
        return int(message["Attributes"][name])
    except (LookupError, TypeError, ValueError):
        return default
