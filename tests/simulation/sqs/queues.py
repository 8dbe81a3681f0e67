"""The queues of one account in one region: by name, by URL and by ARN."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from tests.simulation.sqs.attributes import FIFO
from tests.simulation.sqs.delivery_order import FifoOrder, StandardOrder
from tests.simulation.sqs.message import Message
from tests.simulation.sqs.queue import Queue
from tests.simulation.sqs.refusal import Refused, missing

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"


class Queues:
    """All queues there are.

    Args:
        url: what their URLs begin with.
        random: what standard queues draw with.
        choice: from how many messages.
        on_expiry: is called with each message that a queue deletes for its age.
    """

    def __init__(self, url: str, random: Random, choice: int, on_expiry: Callable[[Message], None]) -> None:
        self._url = url.rstrip("/")
        self._random = random
        self._choice = choice
        self._on_expiry = on_expiry
        self._by_name: dict[str, Queue] = {}
        self._keys = 0

    def __iter__(self) -> Iterator[Queue]:
        return iter(self._by_name.values())

    def at(self, parameters: dict[str, Any]) -> Queue:
        """The queue of a call. Its URL's host is of no matter: there may be a proxy.

        Raises:
            Refused: the call names none, or there is none.
        """
        url = parameters.get("QueueUrl")
        if not url:
            raise missing("QueueUrl")
        return self.named(url.rstrip("/").rpartition("/")[2])

    def named(self, name: str) -> Queue:
        """The queue of a name.

        Raises:
            Refused: there is none.
        """
        queue = self._by_name.get(name)
        if queue is None:
            raise Refused("QueueDoesNotExist", "The specified queue does not exist.")
        return queue

    def has(self, name: str) -> bool:
        """Whether there is a queue of this name."""
        return name in self._by_name

    def create(self, name: str, attributes: dict[str, str], now: float) -> Queue:
        """Make one."""
        self._keys += 1
        order = FifoOrder() if name.endswith(FIFO) else StandardOrder(self._random, self._choice)
        queue = self._by_name[name] = Queue(name, self._keys, attributes, now, order)
        queue.on_expiry = self._on_expiry
        return queue

    def delete(self, queue: Queue) -> None:
        """Remove one with all its messages."""
        del self._by_name[queue.name]

    def url(self, queue: Queue) -> str:
        """A queue's URL."""
        return f"{self._url}/{ACCOUNT}/{queue.name}"

    def arn(self, queue: Queue) -> str:
        """A queue's ARN."""
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.name}"

    def with_arn(self, arn: str) -> Queue | None:
        """The queue of an ARN; None: there is none."""
        queue = self._by_name.get(arn.rpartition(":")[2])
        return queue if queue is not None and self.arn(queue) == arn else None

    def dlq_of(self, queue: Queue) -> Queue | None:
        """A queue's DLQ; None: it has none, or that is gone."""
        return None if queue.redrive is None else self.with_arn(queue.redrive[0])

    def allow(self, dlq: Queue, source_arn: str) -> bool:
        """Whether a queue may be another's DLQ, as its redrive allow policy says."""
        policy = json.loads(dlq.attributes.get("RedriveAllowPolicy") or "{}")
        permission = policy.get("redrivePermission", "allowAll")
        return permission == "allowAll" or (permission == "byQueue" and source_arn in policy.get("sourceQueueArns", []))
