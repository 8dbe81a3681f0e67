"""Private SQS emulators for the tests, and fresh queues on them."""

import json
import os
import sys
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final
from unittest import mock

import localstack_client.session

from celery_sqs.testing import provision
from config.queues import ORDER_QUEUE
from tests.polling import poll
from tests.processes import BIN, ROOT, Process, free_port, listens
from tests.simulation.sqs.serve import EXPIRED


class Emulator(ABC):
    """An SQS emulator on a free port, loopback only. It can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    @staticmethod
    def installed() -> bool:
        """Whether this kind can be started here."""
        return True

    @abstractmethod
    def start(self) -> None:
        """Start it, on the same port each time."""

    def stop(self) -> None:
        """End it."""
        self._process.stop()

    def run(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Run the emulator's program until `stop`."""
        self._process = Process(command, self._folder / "emulator.log", environment)
        poll(self._listens, 30, "the emulator listens")

    def _listens(self) -> bool:
        assert self._process.returncode is None, self._process.output
        return listens(self.port)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def client(self) -> Any:
        """A client as AWS's own tools would make it, not one of ours."""
        with mock.patch.dict(os.environ, AWS_ENDPOINT_URL=self.url):
            return localstack_client.session.Session().client("sqs")


class Ministack(Emulator):
    """The light one, in the same virtual environment as the tests. What it holds outlives a stop."""

    _COMMAND: ClassVar[Sequence[str | Path]] = [BIN / "ministack"]

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
        self.run(self._COMMAND, environment)


class Simulated(Emulator):
    """The simulated SQS over HTTP: as AWS documents it, retention included, and fast. A stop empties it."""

    _COMMAND: ClassVar[Sequence[str | Path]] = [sys.executable, "-m", "tests.simulation.sqs.serve"]

    def start(self) -> None:
        """Start it empty."""
        self.run([*self._COMMAND, "--port", str(self.port)], {})

    @property
    def deleted(self) -> int:
        """How many messages it has deleted for their age."""
        return self._process.output.count(EXPIRED)


class LocalStack(Emulator):
    """The one that everybody knows, where `make test-localstack` has installed it. A stop empties it."""

    _PYTHON: ClassVar[Path] = ROOT / ".venv-localstack" / "bin" / "python"

    @staticmethod
    def installed() -> bool:
        """Whether its virtual environment is complete."""
        return (ROOT / ".venv-localstack" / "installed").exists()

    def start(self) -> None:
        """Start it empty."""
        environment = {
            "SERVICES": "sqs",
            "EAGER_SERVICE_LOADING": "1",
            "SQS_ENDPOINT_STRATEGY": "off",
            "GATEWAY_LISTEN": f"127.0.0.1:{self.port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{self.port}",  # in queue URLs; its own default needs a name server
            "FILESYSTEM_ROOT": str(self._folder / "root"),
            "LS_LOG": "warn",
            # It calls nobody and serves no names.
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
        }
        self.run([self._PYTHON, "-P", ROOT / "tests" / "localstack" / "loopback.py"], environment)

    def stop(self) -> None:
        """End it. It has nothing to save, so it need not be asked."""
        self._process.kill()


EMULATORS: Final[dict[str, type[Ministack] | type[Simulated] | type[LocalStack]]] = {
    "ministack": Ministack,
    "simulated": Simulated,
    "localstack": LocalStack,
}


@dataclass(frozen=True)
class Queues:
    """A work queue and its DLQ, as a test sees them."""

    sqs: Any
    url: str
    dlq_url: str

    @classmethod
    def fresh(
        cls,
        emulator: Emulator,
        visibility_timeout: int,
        receive_wait: int = 1,
        retention: int = ORDER_QUEUE.retention,
        suffix: str = "",
    ) -> "Queues":
        """Two new queues with the house's numbers, but for the times that a test cannot wait for; `.fifo` by suffix."""
        sqs, name = emulator.client(), f"orders-{uuid.uuid4().hex[:12]}"
        dlq = f"{name}-dlq{suffix}"
        url = provision(
            sqs,
            queue=f"{name}{suffix}",
            dlq=dlq,
            visibility_timeout=visibility_timeout,
            retention=retention,
            receive_wait=receive_wait,
            max_receive_count=ORDER_QUEUE.max_receive_count,
            dlq_retention=ORDER_QUEUE.dlq.retention,
        )
        return cls(sqs, url, sqs.get_queue_url(QueueName=dlq)["QueueUrl"])

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
        return sum(self._numbers())

    def visible(self) -> int:
        """How many messages the work queue holds that a receive would bring."""
        return self._numbers()[0]

    def hide_for(self, seconds: int) -> None:
        """Let a received message stay hidden that long."""
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"VisibilityTimeout": str(seconds)})

    def _numbers(self) -> tuple[int, int]:
        """Visible and hidden messages, by one call: a message may change sides between two."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]
        return (
            int(attributes["ApproximateNumberOfMessages"]),
            int(attributes["ApproximateNumberOfMessagesNotVisible"]),
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
