"""The kombu transport: kombu's own for SQS, with its input and output replaced.

What is kept from kombu is the bookkeeping of a virtual channel. What is overridden, as of kombu
5.7.0, is listed in `OVERRIDDEN`; `tests/contract/test_celery_internals.py` fails when an upgrade
changes one of these.
"""

import collections
import functools
import logging
from typing import TYPE_CHECKING, Any, Final

from kombu.transport import SQS, virtual

from tasks.sqs import clients, sender, settler, wire
from tasks.sqs.clients import Endpoint
from tasks.sqs.errors import Undecodable
from tasks.sqs.receiver import Receiver, Room
from tasks.sqs.wakeup import Wakeup

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

#: The methods of kombu.transport.SQS.Channel that `Channel` replaces, checked against kombu 5.7.0.
OVERRIDDEN: Final = (
    "_put",
    "_restore",
    "_schedule_queue",
    "_size",
    "basic_ack",
    "basic_cancel",
    "basic_qos",
    "basic_reject",
    "close",
)


class Channel(SQS.Channel):
    """A channel that sends and settles through our client, and receives on threads of its own.

    Transport options: `endpoint` (an `Endpoint`), `predefined_queues`, `default_task`,
    `receive_wait` (seconds) and `send_timeout` (seconds).
    """

    #: A body is JSON text already; kombu's default would wrap it in base64.
    body_encoding = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = Room()
        self._receivers: dict[str, Receiver] = {}
        self._inbox: collections.deque[tuple[str, Any]] = collections.deque()
        self._wakeup: Wakeup | None = None

    @property
    def _endpoint(self) -> Endpoint:
        endpoint: Endpoint = self.transport_options["endpoint"]
        return endpoint

    @property
    def _client(self) -> "SQSClient":
        return clients.client(self._endpoint)

    # Sending

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        sender.send(
            self._client,
            self._resolve_queue_url(queue),
            wire.encode(message),
            self.transport_options["send_timeout"],
        )

    def _size(self, queue: str) -> int:
        # kombu asks on every declaration, and each publish declares: a call to SQS for a number
        # that nobody reads.
        return 0

    # Receiving

    def _schedule_queue(self, queue: str) -> None:
        """Start to receive: kombu's hook for the first poll of a new consumer, on the hub."""
        if queue not in self._active_queues or queue in self._receivers:
            return
        if self._wakeup is None:
            self._wakeup = Wakeup()
            self.hub.add_reader(self._wakeup.fileno(), self._on_wakeup, self._wakeup)
        wait = self.transport_options["receive_wait"]
        receiver = Receiver(
            clients.client(self._endpoint, wait),
            self._resolve_queue_url(queue),
            wait,
            self._room,
            functools.partial(self._on_received, queue, self._wakeup),
        )
        self._receivers[queue] = receiver
        receiver.start()

    def _on_received(self, queue: str, wakeup: Wakeup, messages: list[Any]) -> None:
        """On a receiver's thread: leave the messages for the hub and wake it."""
        self._inbox.extend((queue, message) for message in messages)
        wakeup.ring()

    def _on_wakeup(self, wakeup: Wakeup) -> None:
        """On the hub: hand everything received to its consumer."""
        wakeup.hush()
        while self._inbox:
            self._hand_over(*self._inbox.popleft())

    def _hand_over(self, queue: str, message: Any) -> None:
        queue_url = self._resolve_queue_url(queue)
        try:
            payload = wire.decode(message, queue, queue_url, self.transport_options.get("default_task"))
            # The consumer may have been cancelled meanwhile: a KeyError, and the message goes back.
            self.connection._callbacks[queue](payload)
        # One message must never take the worker down: it goes back, and by redrive to the DLQ.
        except Exception as error:
            unforeseen = not isinstance(error, Undecodable | KeyError)
            logger.error("message %s goes back to %s: %r", message.get("MessageId"), queue, error, exc_info=unforeseen)
            self._forget(message["ReceiptHandle"])
            settler.release(self._client, queue_url, message["ReceiptHandle"])

    def basic_qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:
        """Hold at most `prefetch_count` messages."""
        super().basic_qos(prefetch_size, prefetch_count, apply_global)
        self._room.resize(prefetch_count)

    def basic_cancel(self, consumer_tag: str) -> Any:
        """Stop receiving for a consumer."""
        receiver = self._receivers.pop(self._tag_to_queue.get(consumer_tag), None)
        if receiver is not None:
            receiver.stop()
        return super().basic_cancel(consumer_tag)

    # Settling

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Delete a message that is done."""
        settler.delete(self._client, self._queue_url_of(delivery_tag), delivery_tag)
        self._forget(delivery_tag)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Leave a message that failed to SQS. It is never deleted and never sent again.

        It becomes visible at once with `requeue`, else when its visibility timeout ends; after the
        last receive that the queue allows, SQS moves it to the DLQ.
        """
        if requeue:
            settler.release(self._client, self._queue_url_of(delivery_tag), delivery_tag)
        self._forget(delivery_tag)

    def _restore(self, message: Any) -> None:
        """Hand back a message that was received and not started: kombu's hook at shutdown."""
        settler.release(self._client, message.delivery_info["queue_url"], message.delivery_tag)

    def _queue_url_of(self, delivery_tag: str) -> str:
        url: str = self.qos.get(delivery_tag).delivery_info["queue_url"]
        return url

    def _forget(self, delivery_tag: str) -> None:
        self.qos.ack(delivery_tag)
        self._room.give_back()

    def close(self) -> None:
        """Stop receiving, hand back what was not started."""
        for receiver in self._receivers.values():
            receiver.stop()
        while self._inbox:
            queue, message = self._inbox.popleft()
            settler.release(self._client, self._resolve_queue_url(queue), message["ReceiptHandle"])
        if self._wakeup is not None:
            self.hub.remove_reader(self._wakeup.fileno())
            self._wakeup.close()
            self._wakeup = None
        super().close()


class Transport(SQS.Transport):
    """`broker_transport = "tasks.sqs.transport:Transport"`."""

    Channel = Channel

    #: Ours raises nothing that reconnecting would mend, so a failed call never restarts the consumer.
    connection_errors = virtual.Transport.connection_errors
    channel_errors = virtual.Transport.channel_errors
