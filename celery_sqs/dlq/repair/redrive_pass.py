"""A pass over the DLQ that sends or discards a repair's messages: scans until each was found, or is gone.

Several copies of one message are one message: it is sent once, and all that are found are deleted.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final

from sqlalchemy import Engine

from celery_sqs import system
from celery_sqs.aws.batch_call import Failure
from celery_sqs.dlq.queue import DeadLetterQueue, Message, Scan
from celery_sqs.dlq.repair.journal import LEFT, Journal
from celery_sqs.dlq.repair.sending import Sending
from celery_sqs.dlq.repair.states import DISCARDED, FAILED, GONE, SENDING
from celery_sqs.dlq.repair.throttle import Throttle
from celery_sqs.dlq.scan_lock import ScanLock
from celery_sqs.dlq.snapshot import Snapshot
from celery_sqs.errors import CallFailed

#: Messages that are sent or deleted together: a handful of statements and ten times as few calls.
CHUNK: Final = 100

#: Scans in a row without effect after which the pass ends: the DLQ has more than a scan sees, or nothing can be
#: deleted.
FRUITLESS_SCANS: Final = 4

HEARTBEAT_EVERY: Final = 0.5  # seconds, at the most, in a pause


class RedrivePass:
    """Finds a repair's messages in the DLQ, and sends or discards them.

    Args:
        engine: to the database with the tables.
        queue: the DLQ.
        snapshot: what is kept of the DLQ.
        journal: the repair's.
        throttle: how fast.
        sending: how they are sent; None: they are discarded.
        heartbeat: called every second at least.
    """

    def __init__(
        self,
        engine: Engine,
        queue: DeadLetterQueue,
        snapshot: Snapshot,
        journal: Journal,
        throttle: Throttle,
        sending: Sending | None,
        heartbeat: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._queue = queue
        self._snapshot = snapshot
        self._journal = journal
        self._throttle = throttle
        self._sending = sending
        self._heartbeat = heartbeat
        self._waiting = journal.waiting()
        self._undeleted = journal.undeleted()
        self._done: set[str] = set()  # sent or discarded by this run
        self._missed_since: dict[str, float] = {}

    def __len__(self) -> int:
        """How many messages are still to be sent or discarded."""
        return len(self._waiting)

    def run(self, limit: int | None = None) -> None:
        """Send or discard so many messages, or all; returns when that is done.

        Raises:
            CallFailed: SQS cannot be asked, or does nothing of what it is asked for.
        """
        left = 0 if limit is None else max(0, len(self._waiting) - limit)
        fruitless = 0
        while len(self._waiting) > left or (self._undeleted and not left):
            before = len(self._waiting) + len(self._undeleted)
            with self._scan_lock(), self._queue.scan() as scan:
                seen = self._search(scan, left)
            if scan.complete:
                self._note_removed([*(self._undeleted - seen)])  # deleted by a run that was killed before it noted that
                self._undeleted &= seen
                self._miss(self._waiting.keys() - seen)
            fruitless = fruitless + 1 if len(self._waiting) + len(self._undeleted) == before else 0
            if fruitless == FRUITLESS_SCANS:
                if self._waiting:
                    raise CallFailed(f"{fruitless} scans in a row have found none of {len(self._waiting)} messages")
                return

    @contextmanager
    def _scan_lock(self) -> Iterator[None]:
        """The lock on scanning the DLQ, as soon as no other process has it."""
        deadline = system.time.monotonic() + self._throttle.lock_timeout
        while True:
            with ScanLock(self._engine, self._queue.url) as is_ours:
                if is_ours:
                    yield
                    return
            if system.time.monotonic() > deadline:
                raise CallFailed(f"others have been scanning {self._queue.url} for {self._throttle.lock_timeout:g} s")
            self._pause(self._throttle.poll)

    def _search(self, scan: Scan, left: int) -> set[str]:
        """Send or discard what a scan finds, until no more than so many are left; returns the ids of all found."""
        seen: set[str] = set()
        found: dict[str, list[Message]] = {}  # by message id its copies
        for messages in scan:
            self._heartbeat()
            left_over = []
            for message in messages:
                message_id = message["MessageId"]
                if self._sending and self._sending.skips(scan.renewal(message)):
                    continue
                seen.add(message_id)
                if message_id in self._waiting:
                    found.setdefault(message_id, []).append(message)
                elif message_id in self._undeleted or message_id in self._done:
                    left_over.append(message)
            self._remove(scan, left_over)
            if len(found) >= min(CHUNK, len(self._waiting) - left):
                self._send_or_discard(scan, found, left)
                found = {}
                if len(self._waiting) <= left and not self._undeleted:
                    break
        self._send_or_discard(scan, found, left)
        return seen

    def _send_or_discard(self, scan: Scan, found: dict[str, list[Message]], left: int) -> None:
        """Send or discard messages, all copies of each, until no more than so many are left."""
        some = islice(sorted(found.values(), key=_place), len(self._waiting) - left)
        messages = [message for copies in some for message in copies]
        if not messages:
            return
        began_at = system.time.monotonic()
        sending = dict.fromkeys((message["MessageId"] for message in messages), SENDING)
        self._journal.mark(sending, SENDING)
        self._waiting |= sending
        messages = self._without_others(messages)
        failures = self._send(scan, messages, self._sending) if self._sending else self._discard(scan, messages)
        if failures and len(failures) == len({message["MessageId"] for message in messages}):
            raise CallFailed(f"SQS does nothing of what it is asked for: {failures[0].reason}")
        self._heartbeat()
        self._pause(len(sending) / self._throttle.rate - (system.time.monotonic() - began_at))

    def _without_others(self, messages: list[Message]) -> list[Message]:
        """Leave out what another repair has. Asked once it is on record as being sent: who comes later can see that."""
        others = self._sending.left_to_others({message["MessageId"] for message in messages}) if self._sending else {}
        self._journal.mark_ended(GONE, others)
        self._settle(others)
        return [message for message in messages if message["MessageId"] not in others]

    def _send(self, scan: Scan, messages: Sequence[Message], sending: Sending) -> list[Failure]:
        """Send messages and, once that is confirmed and on record, delete them; returns failures that may pass."""
        each_once = {message["MessageId"]: message for message in messages}
        outcomes = dict(zip(each_once, sending.send(scan, list(each_once.values())), strict=True))
        sent = {message_id: outcome for message_id, outcome in outcomes.items() if isinstance(outcome, str)}
        failures = {message_id: outcome for message_id, outcome in outcomes.items() if isinstance(outcome, Failure)}
        refused = {message_id: failure.reason for message_id, failure in failures.items() if failure.sender_fault}
        self._journal.mark_sent(sent)
        self._journal.mark_ended(FAILED, refused)
        self._settle([*sent, *refused])
        self._undeleted |= sent.keys()
        self._done |= sent.keys()
        self._remove(scan, [message for message in messages if message["MessageId"] in sent])
        return [failure for failure in failures.values() if not failure.sender_fault]

    def _discard(self, scan: Scan, messages: Sequence[Message]) -> list[Failure]:
        failures = self._delete(scan, messages)
        deleted = {message["MessageId"] for message in messages} - failures.keys()
        self._journal.mark(deleted, DISCARDED)
        self._note_removed(deleted)
        self._settle(deleted)
        self._done |= deleted
        return list(failures.values())

    def _remove(self, scan: Scan, messages: Sequence[Message]) -> None:
        """Delete messages that were sent. What fails is tried again by the next scan, if there is one."""
        failures = self._delete(scan, messages)
        deleted = {message["MessageId"] for message in messages} - failures.keys()
        self._undeleted -= deleted
        self._note_removed(deleted)

    def _delete(self, scan: Scan, messages: Sequence[Message]) -> dict[str, Failure]:
        """Delete copies of messages from the DLQ; by message id why one of them is still there."""
        outcomes = zip(messages, scan.delete(messages), strict=True)
        return {message["MessageId"]: failure for message, failure in outcomes if failure is not None}

    def _note_removed(self, message_ids: Collection[str]) -> None:
        """Note in the snapshot that messages have left the DLQ."""
        if message_ids:
            self._snapshot.remove([*message_ids])

    def _settle(self, message_ids: Collection[str]) -> None:
        for message_id in message_ids:
            del self._waiting[message_id]

    def _miss(self, missing: Collection[str]) -> None:
        """Give up messages that have left the DLQ; wait for those that another process may be hiding."""
        now = system.time.monotonic()
        self._missed_since = {message_id: self._missed_since.get(message_id, now) for message_id in missing}
        long_missed = [
            message_id for message_id, since in self._missed_since.items() if now - since >= self._throttle.hidden_for
        ]
        gone = dict.fromkeys(long_missed, LEFT) | self._journal.gone(missing)
        # What a killed run was deleting is deleted.
        ours = {message_id for message_id in gone if not self._sending and self._waiting[message_id] == SENDING}
        self._journal.mark(ours, DISCARDED)
        self._note_removed([*ours])
        self._journal.mark_ended(GONE, {message_id: gone[message_id] for message_id in gone if message_id not in ours})
        self._settle(gone)
        hidden = [since for message_id, since in self._missed_since.items() if message_id not in gone]
        if hidden and len(hidden) == len(self._waiting):
            self._pause(min(hidden) + self._throttle.hidden_for - now)

    def _pause(self, seconds: float) -> None:
        """Wait; the heartbeat goes on."""
        deadline = system.time.monotonic() + seconds
        while (rest := deadline - system.time.monotonic()) > 0:
            system.time.sleep(min(rest, HEARTBEAT_EVERY))
            self._heartbeat()


def _place(copies: Sequence[Message]) -> int:
    """Where a message comes in the order of a FIFO queue; the same for all of any other."""
    return int(copies[0].get("Attributes", {}).get("SequenceNumber", 0))
