"""Working off a repair's messages: looks into the DLQ, until each of them was found and dealt with, or is gone."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from celery_sqs.aws.batch_call import Failure
from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.queue import VISIBILITY, DeadLetterQueue, Look, Message
from celery_sqs.errors import CallFailed
from tasks.repair.bookkeeping import LEFT, Books
from tasks.repair.ledger import DISCARDED, FAILED, GONE, SENDING
from tasks.repair.mirror import remove
from tasks.repair.turn import turn

#: Messages that are dealt with together: a handful of statements and ten times as few calls.
CHUNK: Final = 100


#: Looks in a row that bring nothing. They do not come to the end of a DLQ that holds too much, or may not delete.
FRUITLESS_LOOKS: Final = 4

SIGN_OF_LIFE: Final = 0.5  # seconds between two, at the most, in a pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a repair goes, and how long it waits.

    Attributes:
        rate: messages sent per second, at the most; a worker stores over a thousand.
        confirm_within: seconds without any news after which what was sent stays unconfirmed.
        poll: seconds between two looks for news, or for a turn.
        hidden_for: seconds for which somebody else may hide a message; one that is missed for longer is gone.
        patience: seconds to wait for other processes' looks into the DLQ.
    """

    rate: float = 200.0
    confirm_within: float = 60.0
    poll: float = 0.25
    hidden_for: float = VISIBILITY + 5.0
    patience: float = 120.0


class Sweep:
    """Finds a repair's messages in the DLQ, and sends or discards them.

    Args:
        engine: from `orders.database.connect`.
        queue: the DLQ.
        books: the repair's account.
        pace: how fast.
        discards: whether the messages are discarded, and not sent.
        alive: called every second at least.
    """

    def __init__(
        self,
        engine: Engine,
        queue: DeadLetterQueue,
        books: Books,
        pace: Pace,
        discards: bool,
        alive: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._queue = queue
        self._books = books
        self._pace = pace
        self._discards = discards
        self._alive = alive
        self._waiting = books.waiting()
        self._undeleted = books.undeleted()
        self._new_bodies = books.new_bodies()
        self._missed_since: dict[str, float] = {}

    def __len__(self) -> int:
        """How many messages are left to be dealt with."""
        return len(self._waiting)

    def work_off(self, limit: int | None = None) -> None:
        """Deal with so many messages, or with all; returns when that is done.

        Raises:
            CallFailed: SQS cannot be asked, or does nothing of what it is asked for.
        """
        left = 0 if limit is None else max(0, len(self._waiting) - limit)
        fruitless = 0
        while len(self._waiting) > left or (self._undeleted and not left):
            before = len(self._waiting) + len(self._undeleted)
            with self._turn(), self._queue.look() as look:
                seen = self._search(look, left)
            if look.complete:
                self._forget([*(self._undeleted - seen)])  # deleted, by a run that was killed before it wrote that down
                self._undeleted &= seen
                self._miss(self._waiting.keys() - seen)
            fruitless = fruitless + 1 if len(self._waiting) + len(self._undeleted) == before else 0
            if fruitless == FRUITLESS_LOOKS:
                if self._waiting:
                    raise CallFailed(f"{fruitless} looks in a row have found none of {len(self._waiting)} messages")
                return

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Our turn to look into the DLQ, as soon as nobody else does."""
        deadline = time.monotonic() + self._pace.patience
        while True:
            with turn(self._engine, self._queue.url) as ours:
                if ours:
                    yield
                    return
            if time.monotonic() > deadline:
                raise CallFailed(f"others have been looking into {self._queue.url} for {self._pace.patience:g} s")
            self._rest(self._pace.poll)

    def _search(self, look: Look, left: int) -> set[str]:
        """Deal with what a look finds, until no more than so many are left; returns which messages it has seen."""
        seen: set[str] = set()
        found: list[Message] = []
        for messages in look:
            self._alive()
            seen.update(message["MessageId"] for message in messages)
            self._remove(look, [message for message in messages if message["MessageId"] in self._undeleted])
            found += [message for message in messages if message["MessageId"] in self._waiting]
            if len(found) >= min(CHUNK, len(self._waiting) - left):
                self._deal(look, found[: len(self._waiting) - left])
                found = []
                if len(self._waiting) <= left and not self._undeleted:
                    break
        self._deal(look, found[: len(self._waiting) - left])
        return seen

    def _deal(self, look: Look, messages: Sequence[Message]) -> None:
        if not messages:
            return
        began_at = time.monotonic()
        message_ids = [message["MessageId"] for message in messages]
        self._books.mark(message_ids, SENDING)
        self._waiting |= dict.fromkeys(message_ids, SENDING)
        failures = self._discard(look, messages) if self._discards else self._send(look, messages)
        if len(failures) == len(messages):
            raise CallFailed(f"SQS does nothing of what it is asked for: {failures[0].reason}")
        self._alive()
        self._rest(len(messages) / self._pace.rate - (time.monotonic() - began_at))

    def _send(self, look: Look, messages: Sequence[Message]) -> list[Failure]:
        """Send messages and, once that is confirmed and on record, delete them; returns failures that may pass."""
        bodies = [self._new_bodies.get(message["MessageId"]) or message["Body"] for message in messages]
        outcomes = dict(zip((message["MessageId"] for message in messages), look.resend(messages, bodies), strict=True))
        sent = {message_id: outcome for message_id, outcome in outcomes.items() if isinstance(outcome, str)}
        failures = {message_id: outcome for message_id, outcome in outcomes.items() if isinstance(outcome, Failure)}
        refused = {message_id: failure.reason for message_id, failure in failures.items() if failure.sender_fault}
        self._books.mark_sent(sent)
        self._books.mark_ended(FAILED, refused)
        self._settle([*sent, *refused])
        self._undeleted |= sent.keys()
        self._remove(look, [message for message in messages if message["MessageId"] in sent])
        return [failure for failure in failures.values() if not failure.sender_fault]

    def _discard(self, look: Look, messages: Sequence[Message]) -> list[Failure]:
        outcomes = look.delete(messages)
        deleted = [message["MessageId"] for message, failure in zip(messages, outcomes, strict=True) if failure is None]
        self._books.mark(deleted, DISCARDED)
        self._forget(deleted)
        self._settle(deleted)
        return [failure for failure in outcomes if failure is not None]

    def _remove(self, look: Look, messages: Sequence[Message]) -> None:
        """Delete messages that were sent. What fails is tried again by the next look, if there is one."""
        outcomes = look.delete(messages)
        deleted = [message["MessageId"] for message, failure in zip(messages, outcomes, strict=True) if failure is None]
        self._undeleted -= set(deleted)
        self._forget(deleted)

    def _forget(self, message_ids: Sequence[str]) -> None:
        """Note in the mirror that messages have left the DLQ."""
        if message_ids:
            transaction(self._engine, lambda connection: remove(connection, message_ids))

    def _settle(self, message_ids: Collection[str]) -> None:
        for message_id in message_ids:
            del self._waiting[message_id]

    def _miss(self, missing: Collection[str]) -> None:
        """Give up messages that have left the DLQ; wait for those that somebody may be hiding."""
        now = time.monotonic()
        self._missed_since = {message_id: self._missed_since.get(message_id, now) for message_id in missing}
        long_missed = [
            message_id for message_id, since in self._missed_since.items() if now - since >= self._pace.hidden_for
        ]
        gone = dict.fromkeys(long_missed, LEFT) | self._books.gone(missing)
        # Of what was being deleted when a run was killed, that was it.
        ours = {message_id for message_id in gone if self._discards and self._waiting[message_id] == SENDING}
        self._books.mark(ours, DISCARDED)
        self._forget([*ours])
        self._books.mark_ended(GONE, {message_id: gone[message_id] for message_id in gone if message_id not in ours})
        self._settle(gone)
        hidden = [since for message_id, since in self._missed_since.items() if message_id not in gone]
        if hidden and len(hidden) == len(self._waiting):
            self._rest(min(hidden) + self._pace.hidden_for - now)

    def _rest(self, seconds: float) -> None:
        """Pause, alive."""
        deadline = time.monotonic() + seconds
        while (rest := deadline - time.monotonic()) > 0:
            time.sleep(min(rest, SIGN_OF_LIFE))
            self._alive()
