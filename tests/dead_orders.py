"""For the tests of the DLQ: dead orders in it, its service, and a worker that stores what is sent again."""

import json
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from celery import Celery
from sqlalchemy import Engine

from app.history.order_history import order_in
from celery_sqs.dlq import DeadLetterQueue, DeadLetterService, DeadMessage, Throttle
from celery_sqs.dlq.hooks import TaskHooks
from celery_sqs.dlq.snapshot import Snapshot
from celery_sqs.message.renewal import Renewal, renewed
from config.queues import ORDER_QUEUE
from orders.attempt import FailedAttempt
from orders.outcome import Arrival, Result
from orders.store import OrderStore
from tasks.application import create_celery
from tests.conftest import make_settings
from tests.emulator import Queues

#: No test waits for long.
QUICK: Final = Throttle(rate=10_000, confirm_within=5, poll=0.05, hidden_for=1, lock_timeout=20)

WORKER: Final = "fake@test"


def make_celery(engine: Engine) -> Celery:
    """The order intake's Celery application on a database."""
    return create_celery(make_settings(database_url=engine.url.render_as_string(hide_password=False)))


def make_service(engine: Engine, queue: DeadLetterQueue, throttle: Throttle | None = None) -> DeadLetterService:
    """The service of a DLQ."""
    return DeadLetterService(make_celery(engine), engine, queue, OrderStore(engine), throttle)


def make_snapshot(engine: Engine, queue: str = ORDER_QUEUE.name) -> Snapshot:
    """The snapshot of a DLQ, for tests that have messages and no queue."""
    return Snapshot(engine, queue, OrderStore(engine), TaskHooks(make_celery(engine)))


def order_body(**changes: Any) -> str:
    """The body of an order message, of an order of its own."""
    order = {
        "orderId": str(uuid.uuid4()),
        "userId": 7,
        "productName": "Widget",
        "quantity": 2,
        "totalPrice": 99.5,
        "status": "pending",
        "timestamp": "2026-01-24T12:00:00Z",
    }
    return json.dumps(order | changes)


def order_id_of(body: str) -> str:
    """The id that a body names."""
    order_id: str = json.loads(body)["orderId"]
    return order_id


def bury(queues: Queues, bodies: Sequence[str], **attributes: Any) -> list[str]:
    """Put messages into the DLQ; returns their ids."""
    message_ids = []
    for start in range(0, len(bodies), 10):
        entries = [
            {"Id": str(number), "MessageBody": body, "MessageAttributes": attributes}
            for number, body in enumerate(bodies[start : start + 10])
        ]
        answer = queues.sqs.send_message_batch(QueueUrl=queues.dlq_url, Entries=entries)
        assert not answer.get("Failed"), answer
        message_ids += [entry["MessageId"] for entry in answer["Successful"]]
    return message_ids


def bury_copy(queues: Queues, body: str, attributes: dict[str, Any] | None = None, **renewal: Any) -> str:
    """Put a copy of a renewed message into the DLQ, made as workers make it; returns the id of the copy."""
    message = {"Body": body, "MessageAttributes": attributes or {}}
    entry = renewed(message, Renewal(**{"message_id": "first", "sent_at": 1_000, "receives": 3} | renewal))
    message_id: str = queues.sqs.send_message(QueueUrl=queues.dlq_url, **entry)["MessageId"]
    return message_id


def visible(queues: Queues, url: str) -> int:
    """How many messages anybody who asks a queue would get."""
    return int(_numbers(queues, url)["ApproximateNumberOfMessages"])


def in_all(queues: Queues, url: str) -> int:
    """How many messages a queue holds, hidden ones included."""
    numbers = _numbers(queues, url)
    return int(numbers["ApproximateNumberOfMessages"]) + int(numbers["ApproximateNumberOfMessagesNotVisible"])


def a_failure(message_id: str, **changes: Any) -> FailedAttempt:
    """The last failed attempt at a message."""
    now = datetime.now(UTC)
    values = {
        "order_id": None,
        "task": "persist_order",
        "task_id": message_id,
        "message_id": message_id,
        "kind": "permanent",
        "error_class": "InvalidOrder",
        "message": "{'quantity': ['Must be a whole number.']}",
        "traceback": "",
        "receive_count": 3,
        "worker": WORKER,
        "final": True,
        "failed_at": now,
        "next_visible_at": now,
    }
    return FailedAttempt(**values | changes)


def a_dead_message(body: str, number: int = 1, **attributes: str) -> DeadMessage:
    """A message in the DLQ, with these texts as message attributes."""
    now = datetime.now(UTC)
    return DeadMessage(
        message_id=f"m{number}",
        queue=ORDER_QUEUE.name,
        body=body,
        attributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
        task="",
        task_id="",
        subject=None,
        fingerprint="0" * 16,
        kind="lost",
        error_class="",
        error="",
        sent_at=now,
        died_at=None,
        seen_at=now,
        missed_at=None,
        gone_at=None,
    )


class FakeWorker:
    """Receives from the work queue and writes what a worker would write.

    Attributes:
        received: the bodies that it has received, each as often as it came.
    """

    def __init__(self, engine: Engine, queues: Queues) -> None:
        self._store = OrderStore(engine)
        self._queues = queues
        self.received: list[str] = []

    @contextmanager
    def at_work(self) -> Iterator["FakeWorker"]:
        """Let it work on a thread until the end of the block."""
        stopped = threading.Event()

        def work() -> None:
            while not stopped.is_set():
                self._receive()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield self
        finally:
            stopped.set()
            thread.join()

    def _receive(self) -> None:
        answer = self._queues.sqs.receive_message(QueueUrl=self._queues.url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self.received.append(message["Body"])
            reason = self._persist(message)
            if reason:
                self._store.record_attempt(reason)
            # In a DLQ or deleted: either way it has left the work queue.
            self._queues.sqs.delete_message(QueueUrl=self._queues.url, ReceiptHandle=message["ReceiptHandle"])

    def _persist(self, message: Any) -> FailedAttempt | None:
        message_id, order = message["MessageId"], order_in(message["Body"])
        if order is None:
            return a_failure(message_id)
        arrival = Arrival(order=order, task_id=message_id, attempts=1, worker=WORKER)
        [outcome] = self._store.persist([arrival])
        if outcome.result is Result.CONFLICT:
            return a_failure(message_id, order_id=order.order_id, error_class="ConflictingOrder", message="another")
        return None


def _numbers(queues: Queues, url: str) -> dict[str, str]:
    numbers: dict[str, str] = queues.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return numbers
