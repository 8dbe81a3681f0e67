"""A private ministack for the tests, and fresh queues on it."""

import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import localstack_client.session

from config.queues import ORDER_QUEUE
from tasks.sqs.provision import provision
from tests.polling import poll
from tests.processes import BIN, Process, free_port, listens


class Emulator:
    """An SQS emulator on a free port, loopback only. It can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it with the state that `stop` left."""
        environment = {
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._folder / "state"),
            "LOG_LEVEL": "WARNING",
            "SERVICES": "sqs",
            # BIND_HOST does not hold for these two: they would listen on every interface.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
        }
        self._process = Process([BIN / "ministack"], self._folder / "ministack.log", environment)
        poll(lambda: listens(self.port), 15, "ministack listens")

    def stop(self) -> None:
        """End it; what it holds is kept for `start`."""
        self._process.stop()

    def client(self) -> Any:
        """A client as AWS's own tools would make it, not one of ours."""
        with mock.patch.dict(os.environ, AWS_ENDPOINT_URL=self.url):
            return localstack_client.session.Session().client("sqs")


@dataclass(frozen=True)
class Queues:
    """A work queue and its DLQ, as a test sees them."""

    sqs: Any
    url: str
    dlq_url: str

    @classmethod
    def fresh(cls, emulator: Emulator, visibility_timeout: int, receive_wait: int = 1) -> "Queues":
        """Two new queues with the house's numbers, but for the times that a test cannot wait for."""
        sqs, name = emulator.client(), f"orders-{uuid.uuid4().hex[:12]}"
        url = provision(
            sqs,
            queue=name,
            dlq=f"{name}-dlq",
            visibility_timeout=visibility_timeout,
            retention=ORDER_QUEUE.retention,
            receive_wait=receive_wait,
            max_receive_count=ORDER_QUEUE.max_receive_count,
            dlq_retention=ORDER_QUEUE.dlq.retention,
        )
        return cls(sqs, url, sqs.get_queue_url(QueueName=f"{name}-dlq")["QueueUrl"])

    def delete(self) -> None:
        """Remove both."""
        self.sqs.delete_queue(QueueUrl=self.url)
        self.sqs.delete_queue(QueueUrl=self.dlq_url)

    def send(self, body: str) -> str:
        """Send a body as a producer would that has never heard of Celery."""
        message_id: str = self.sqs.send_message(QueueUrl=self.url, MessageBody=body)["MessageId"]
        return message_id

    def waiting(self) -> int:
        """How many messages the work queue holds, visible or not."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]
        return sum(
            int(attributes[name]) for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        )

    def peek(self, url: str) -> list[dict[str, Any]]:
        """Up to ten messages of a queue, left visible."""
        answer = self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def dead(self) -> list[Any]:
        """The bodies in the DLQ, read as the JSON they are."""
        return [json.loads(message["Body"]) for message in self.peek(self.dlq_url)]
