"""A client of the simulated SQS, in the place of `celery_sqs.aws.client`: its calls take time, and may fail."""

from typing import Any, Final

from celery_sqs.aws.endpoint import READ_TIMEOUT
from celery_sqs.errors import CallFailed
from tests.simulation.sqs import NoAnswer, Refused
from tests.simulation.virtual.scheduler import Process
from tests.simulation.world.broker import Broker

CONNECT: Final = 2.0  # seconds until a call to an SQS that is out of reach has failed


class Client:
    """The calls of one process.

    Args:
        broker: the SQS of this life.
        process: who calls.
        wait: seconds that a call may take on purpose.
    """

    def __init__(self, broker: Broker, process: Process, wait: float) -> None:
        self._broker = broker
        self._process = process
        self._wait = wait

    def get_queue_attributes(self, **parameters: Any) -> dict[str, Any]:
        return self._call("GetQueueAttributes", parameters)

    def receive_message(self, **parameters: Any) -> dict[str, Any]:
        return self._call("ReceiveMessage", parameters)

    def send_message_batch(self, **parameters: Any) -> dict[str, Any]:
        return self._call("SendMessageBatch", parameters)

    def delete_message_batch(self, **parameters: Any) -> dict[str, Any]:
        return self._call("DeleteMessageBatch", parameters)

    def change_message_visibility_batch(self, **parameters: Any) -> dict[str, Any]:
        return self._call("ChangeMessageVisibilityBatch", parameters)

    def _call(self, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        broker = self._broker
        scheduler, latency = broker.scheduler, broker.rates.latency
        scheduler.sleep(scheduler.random.random() * latency)
        if broker.is_away:
            scheduler.sleep(CONNECT)
            raise CallFailed(f"{action}: no connection")
        self._may_be_killed()
        try:
            answer = broker.call(self._process, action, parameters)
        except Refused as refused:
            scheduler.sleep(scheduler.random.random() * latency)
            raise CallFailed(f"{action}: {refused}", refused.code, refused.status) from refused
        except NoAnswer:
            scheduler.sleep(self._wait + READ_TIMEOUT)
            raise CallFailed(f"{action}: no answer") from None
        self._may_be_killed()
        scheduler.sleep(scheduler.random.random() * latency)
        return answer

    def _may_be_killed(self) -> None:
        if self._broker.rates.kills(self._broker.scheduler.random):
            self._broker.note("a worker that was killed in a call")
            self._broker.on_kill(self._process)
