"""The service: queues by name and URL, and the calls of the JSON protocol."""

import math
from collections.abc import Callable
from random import Random
from typing import Any, Final

from tests.simulation.sqs import batch
from tests.simulation.sqs.administration import ADMINISTRATION
from tests.simulation.sqs.content import Content, content_of
from tests.simulation.sqs.faults import NO_FAULTS, Faults
from tests.simulation.sqs.message import Message, State
from tests.simulation.sqs.queue import Queue
from tests.simulation.sqs.queues import Queues
from tests.simulation.sqs.receiving import receive, wait_of
from tests.simulation.sqs.redrive import move
from tests.simulation.sqs.refusal import NoAnswer, Refused
from tests.simulation.sqs.sending import MAX_BATCH_BYTES, send
from tests.simulation.sqs.settling import change_visibility, delete

#: Messages in flight of one queue:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html
IN_FLIGHT: Final = 120_000

#: From how many of the oldest visible messages of a standard queue a receive draws.
CHOICE: Final = 12


class SimulatedSQS:
    """SQS as one account has it in one region. Each call takes effect at once, and nothing happens between calls.

    Args:
        clock: gives the time, in seconds since the epoch.
        random: all chance is from here.
        url: what the URLs of queues begin with.
        in_flight: messages that may be in flight, in each queue.
        choice: from how many of the oldest messages a standard queue's receive draws; 1: always the oldest.
        on_expiry: is called with each message that a queue deletes for its age.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        random: Random,
        url: str = "http://127.0.0.1:1",
        in_flight: int = IN_FLIGHT,
        choice: int = CHOICE,
        on_expiry: Callable[[Message], None] = lambda message: None,
    ) -> None:
        self._clock = clock
        self._random = random
        self._in_flight = in_flight
        self.queues = Queues(url, random, choice, on_expiry)
        self._actions: dict[str, Callable[[Queue, dict[str, Any], float, Faults], dict[str, Any]]] = {
            "ReceiveMessage": self._receive,
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibility": self._change,
            "ChangeMessageVisibilityBatch": self._change_batch,
        }

    def call(self, action: str, parameters: dict[str, Any], faults: Faults = NO_FAULTS) -> dict[str, Any]:
        """Make one call. ReceiveMessage answers without waiting; see `wait`, `visible` and `next_change`.

        Args:
            action: its name, such as `SendMessageBatch`.
            parameters: as the JSON protocol has them; they are kept, so do not change them.
            faults: what goes wrong with it.

        Raises:
            Refused: SQS refuses it.
            NoAnswer: it took effect, and its answer is lost.
        """
        if faults.refusal:
            raise Refused(faults.refusal, "A fault of the simulation.")
        now = self._clock()
        if action in self._actions:
            answer = self._actions[action](self._now(parameters, now), parameters, now, faults)
        elif action in ADMINISTRATION:
            for queue in self.queues:
                queue.advance(now)
            answer = ADMINISTRATION[action](self.queues, parameters, now)
        else:
            raise Refused("UnsupportedOperation", f"{action} is not simulated.")
        if faults.loses_answer:
            raise NoAnswer(action)
        return answer

    def wait(self, parameters: dict[str, Any]) -> int:
        """Seconds that a ReceiveMessage waits for a first message.

        Raises:
            Refused: there is no such queue.
        """
        return wait_of(self.queues.at(parameters), parameters)

    def visible(self, queue_url: str) -> int:
        """How many messages of a queue are visible."""
        return self._now({"QueueUrl": queue_url}, self._clock()).counts[State.VISIBLE]

    def next_change(self, queue_url: str) -> float | None:
        """When a message of a queue becomes visible or expires, in seconds since the epoch; None: none does."""
        return self._now({"QueueUrl": queue_url}, self._clock()).next_change()

    def messages(self, queue_url: str) -> list[Message]:
        """All messages of a queue, as it keeps them."""
        return list(self._now({"QueueUrl": queue_url}, self._clock()).messages.values())

    def _now(self, parameters: dict[str, Any], now: float) -> Queue:
        queue = self.queues.at(parameters)
        queue.advance(now)
        return queue

    def _receive(self, queue: Queue, parameters: dict[str, Any], now: float, faults: Faults) -> dict[str, Any]:
        dlq = self.queues.dlq_of(queue)
        max_receives = math.inf if queue.redrive is None or dlq is None else queue.redrive[1]
        messages, dead = receive(queue, parameters, now, self._in_flight, max_receives, faults)
        for message in dead:
            assert dlq is not None
            move(message, dlq, self.queues.arn(queue), now)
        return {"Messages": messages} if messages else {}

    def _send(self, queue: Queue, parameters: dict[str, Any], now: float, faults: Faults) -> dict[str, Any]:
        return send(queue, parameters, content_of(parameters), self._message_id(), now)

    def _send_batch(self, queue: Queue, parameters: dict[str, Any], now: float, faults: Faults) -> dict[str, Any]:
        entries = batch.checked(parameters)
        contents = {entry["Id"]: _content_of(entry) for entry in entries}
        if sum(each.size for each in contents.values() if isinstance(each, Content)) > MAX_BATCH_BYTES:
            raise Refused("BatchRequestTooLong", f"Batch requests cannot be longer than {MAX_BATCH_BYTES} bytes.")

        def do(entry: dict[str, Any]) -> dict[str, Any]:
            content = contents[entry["Id"]]
            if isinstance(content, Refused):
                raise content
            return send(queue, entry, content, self._message_id(), now)

        return batch.each(entries, do, faults.failing_entries)

    def _delete(self, queue: Queue, parameters: dict[str, Any], now: float, faults: Faults) -> dict[str, Any]:
        delete(queue, parameters, faults)
        return {}

    def _delete_batch(self, queue: Queue, parameters: dict[str, Any], now: float, faults: Faults) -> dict[str, Any]:
        entries = batch.checked(parameters)
        return batch.each(entries, lambda entry: delete(queue, entry, faults), faults.failing_entries)

    def _change(self, queue: Queue, parameters: dict[str, Any], now: float, faults: Faults) -> dict[str, Any]:
        change_visibility(queue, parameters, now)
        return {}

    def _change_batch(self, queue: Queue, parameters: dict[str, Any], now: float, faults: Faults) -> dict[str, Any]:
        entries = batch.checked(parameters)
        return batch.each(entries, lambda entry: change_visibility(queue, entry, now), faults.failing_entries)

    def _message_id(self) -> str:
        digits = f"{self._random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _content_of(entry: dict[str, Any]) -> Content | Refused:
    """An entry's content, or why it fails for itself."""
    try:
        return content_of(entry)
    except Refused as refused:
        return refused
