"""How a repair sends a dead message: an operator's as a new one, with a new budget; a rescue as a copy of the same one.

A rescue is once in a message's life: its copy carries that, and so do the copies of that copy.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from celery_sqs import system
from celery_sqs.aws.batch_call import Failure
from celery_sqs.dlq.attempts import AttemptCount, AttemptReader
from celery_sqs.dlq.queue import Message, Scan
from celery_sqs.dlq.repair.log import RepairLog
from celery_sqs.errors import Unsendable
from celery_sqs.message.outgoing import resent
from celery_sqs.message.renewal import Renewal, renewed
from celery_sqs.metrics import count_renewal

RESCUED: Final = "rescued"  # the reason of such a renewal, for the metric


def was_rescued(renewal: Renewal | None) -> bool:
    """Whether a copy has been dead before, by what it carries."""
    return renewal is not None and renewal.is_rescued


class Sending(Protocol):
    """How the messages of a repair are sent."""

    def skips(self, renewal: Renewal | None) -> bool:
        """Whether a copy in the DLQ is none of the repair's, by what it carries."""

    def left_to_others(self, message_ids: Collection[str]) -> Mapping[str, str]:
        """The messages that are not to be sent, as another repair has them: by message id why."""

    def send(self, scan: Scan, messages: Sequence[Message]) -> list[str | Failure]:
        """Send messages; for each SQS's id of what was sent, or why that is not confirmed."""


class AsNew:
    """What an operator sends is a new message, with the attributes of the dead one and without its past.

    Args:
        new_bodies: by message id what is sent in place of its body.
    """

    def __init__(self, new_bodies: Mapping[str, str]) -> None:
        self._new_bodies = new_bodies

    def skips(self, renewal: Renewal | None) -> bool:
        """None."""
        return False

    def left_to_others(self, message_ids: Collection[str]) -> Mapping[str, str]:
        """None: what an operator says is done."""
        return {}

    def send(self, scan: Scan, messages: Sequence[Message]) -> list[str | Failure]:
        """Send messages."""
        return scan.send([resent(each, self._new_bodies.get(each["MessageId"]) or each["Body"]) for each in messages])


class AsCopy:
    """A rescue sends the message itself: with its id, its first sent time and the attempts on record.

    Args:
        queue: Celery's name of the work queue.
        attempts: the failed attempts on record.
        log: knows what operators have on record.
        max_receives: receives that the work queue allows.
    """

    def __init__(self, queue: str, attempts: AttemptReader, log: RepairLog, max_receives: int) -> None:
        self._queue = queue
        self._attempts = attempts
        self._log = log
        self._max_receives = max_receives

    def skips(self, renewal: Renewal | None) -> bool:
        """A copy that has been dead before."""
        return was_rescued(renewal)

    def left_to_others(self, message_ids: Collection[str]) -> Mapping[str, str]:
        """What is in an operator's repair by now."""
        return self._log.left_to_operators(message_ids)

    def send(self, scan: Scan, messages: Sequence[Message]) -> list[str | Failure]:
        """Send copies of messages, and count those that SQS has confirmed."""
        counts = self._attempts.count_attempts([message["MessageId"] for message in messages])
        made = [self._entry(message, scan.renewal(message), counts.get(message["MessageId"])) for message in messages]
        answers = iter(scan.send([entry for entry in made if not isinstance(entry, Failure)]))
        outcomes = [entry if isinstance(entry, Failure) else next(answers) for entry in made]
        for outcome in outcomes:
            if isinstance(outcome, str):
                count_renewal(self._queue, RESCUED)
        return outcomes

    def _entry(self, message: Message, renewal: Renewal | None, count: AttemptCount | None) -> dict[str, Any] | Failure:
        copy = Renewal(
            message_id=message["MessageId"],
            sent_at=_number(message, "SentTimestamp"),
            receives=self._receives(message, renewal, count),
            attempts=count.attempts if count else 0,
            # Nothing on record says why it has died, so it is to run alone.
            is_suspect=True,
            begun=renewal.begun if renewal else None,
            is_rescued=True,
            made_at=round(system.time.time() * 1000),
        )
        try:
            return renewed(message, copy)
        except Unsendable as error:
            return Failure(str(error), may_pass=False, sender_fault=True)

    def _receives(self, message: Message, renewal: Renewal | None, count: AttemptCount | None) -> int:
        """At least as many receives as there were: they name the attempts, so no later one may have the same.

        SQS may count anew in the DLQ, and the receives of each scan there, too.
        """
        before = (renewal.receives if renewal else 0) + self._max_receives
        return max(before, _number(message, "ApproximateReceiveCount"), count.receive_count if count else 0)


def _number(message: Message, name: str) -> int:
    """A number among what SQS says of a message; 0 where it does not."""
    try:
        return int(message["Attributes"][name])
    except (LookupError, TypeError, ValueError):
        return 0
