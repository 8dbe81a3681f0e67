"""The rescuer: what is dead with attempts left is sent again, once, as `celery_sqs.dlq` sends it."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from celery_sqs.dlq.repair.sending import AsCopy, was_rescued
from celery_sqs.message.renewal import Renewal, opened
from celery_sqs.tasks.decision import Kind
from tests.simulation.world.broker import Broker
from tests.simulation.world.plans import MAX_RECEIVES
from tests.simulation.world.stores import Database


class Count(NamedTuple):
    """`celery_sqs.dlq.attempts.AttemptCount`."""

    attempts: int
    receive_count: int
    is_over: bool


class Rescuer:
    """Rescues, from the DLQ of a life.

    Attributes:
        rescued: keys of the messages that it has sent again.
    """

    def __init__(self, broker: Broker, database: Database) -> None:
        self._broker = broker
        self._database = database
        self._renewals: dict[str, Renewal | None] = {}
        self.rescued: list[str] = []

    def look(self) -> bool:
        """Send what is dead with attempts left; says whether there was any."""
        found = []
        for received in self._broker.dead_letters():
            message, renewal = opened(received)
            count = self.count_attempts([message["MessageId"]]).get(message["MessageId"])
            if (count is None or (count.attempts < MAX_RECEIVES and not count.is_over)) and not was_rescued(renewal):
                self._renewals[message["MessageId"]] = renewal
                found.append(message)
        for message in found:
            AsCopy("q", self, None, MAX_RECEIVES).send(self, [message])
            self._broker.bury_no_more(message["ReceiptHandle"])
            self.rescued.append(json.loads(message["Body"])["key"])
        return bool(found)

    def count_attempts(self, message_ids: Sequence[str]) -> dict[str, Count]:
        """The attempts on record, as `celery_sqs.dlq.attempts.AttemptReader` counts them."""
        counts = {}
        for message_id in message_ids:
            found = {
                receive: kind for (each, receive), (kind, _) in self._database.attempts.items() if each == message_id
            }
            if found:
                counts[message_id] = Count(len(found), max(found), Kind.PERMANENT in found.values())
        return counts

    def renewal(self, message: Any) -> Renewal | None:
        """What a dead message carries."""
        return self._renewals[message["MessageId"]]

    def send(self, entries: Sequence[dict[str, Any]]) -> list[str]:
        """Send copies."""
        return [self._broker.resend(entry) for entry in entries]
