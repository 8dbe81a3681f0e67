"""The kombu transport: kombu's own for SQS, with its input and output replaced.

What is kept from kombu is the bookkeeping of a virtual channel. What is overridden, as of kombu
5.7.0, is listed in `OVERRIDDEN`; `tests/contract/test_celery_internals.py` fails when an upgrade
changes one of these.
"""

import collections
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from kombu.transport import SQS, virtual

from celery_sqs.aws import endpoint
from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.consume.circuit_breaker import CircuitBreaker
from celery_sqs.consume.in_flight import Delivery, InFlight
from celery_sqs.consume.leases import Leases
from celery_sqs.consume.receiver import Receiver, Source
from celery_sqs.consume.settler import Settler
from celery_sqs.consume.wakeup import Wakeup
from celery_sqs.errors import Undecodable, Unpurgeable
from celery_sqs.message import wire
from celery_sqs.message.outgoing import Outgoing
from celery_sqs.message.received import Message
from celery_sqs.publish import delay
from celery_sqs.publish.sender import sender
from celery_sqs.worker.health import LOOPBACK, Health

logger = logging.getLogger(__name__)

#: The methods of kombu.transport.SQS.Channel that `Channel` replaces, checked against kombu 5.7.0.
OVERRIDDEN: Final = (
    "_purge",
    "_put",
    "_schedule_queue",
    "_size",
    "basic_ack",
    "basic_cancel",
    "basic_qos",
    "basic_reject",
    "close",
)


#: Seconds that the last settlements get at the end.
CLOSE_TIMEOUT: Final = 10.0

CLOSE_MARGIN: Final = 1.0  # seconds that a poll gets beyond its own time limit
CLOSE_LOOK: Final = 0.05  # seconds between two looks whether all polls have ended


class Channel(SQS.Channel):
    """A channel that sends and settles in batches, and receives on threads of its own.

    Transport options: `endpoint` (an `Endpoint`), `predefined_queues`, `default_task`,
    `receive_wait` (seconds that the queue lets a poll wait, at the most), `send_timeout` (seconds), and
    `health_host` (loopback) and `health_port` (0 for none).

    Attributes:
        on_poison: called with a delivery that no consumer can take, and why; releases it unless set.
        is_hurried: whether `close` is not to wait for polls in flight.
        run_instead: called by `close` with what it is about to give back; says whether that has been run.
    """

    Message = Message

    #: A body is JSON text already; kombu's default would wrap it in base64.
    body_encoding = None

    #: What is held at the end goes back through `close`, in batches; kombu would do it one by one.
    do_restore = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held = InFlight()
        self._outage = CircuitBreaker(self._held, self.wake)
        self.on_poison: Callable[[Delivery, Exception], None] = self._release_now
        self._inbox: collections.deque[Delivery] = collections.deque()
        self._wakeup: Wakeup | None = None
        self._leases: Leases | None = None
        self._health: Health | None = None
        self._receivers: dict[str, Receiver] = {}
        self._stopped: list[Receiver] = []
        self.is_hurried: Callable[[], bool] = lambda: False
        self.run_instead: Callable[[Delivery], bool] = lambda _: False
        self._settlers: dict[str, Settler] = {}

    @property
    def _endpoint(self) -> Endpoint:
        endpoint: Endpoint = self.transport_options["endpoint"]
        return endpoint

    # Sending

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        seconds = delay.take(message["headers"])
        self.send(queue, wire.encode(message), seconds)

    def send(self, queue: str, message: Outgoing, seconds: int = 0) -> None:
        """Send a message; returns once SQS has confirmed it. See `celery_sqs.publish.sender`."""
        timeout = self.transport_options["send_timeout"]
        sender(self._endpoint, self._resolve_queue_url(queue)).send(message, timeout, seconds)

    def _purge(self, queue: str) -> int:
        raise Unpurgeable(queue)

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
            self._begin()
        wait = self.transport_options["receive_wait"]
        source = Source(queue=queue, url=self._resolve_queue_url(queue))
        receiver = Receiver(
            endpoint.calls(self._endpoint, wait), source, self._held, self._settler(source.url), self._on_received
        )
        self._receivers[queue] = receiver
        receiver.start()

    def _begin(self) -> None:
        """Before the first poll: a bell for the hub, leases for what will be held, and who watches over it."""
        self._wakeup = Wakeup()
        self.hub.add_reader(self._wakeup.fileno(), self._on_wakeup)
        self._leases = Leases(endpoint.calls(self._endpoint), self._held)
        self._leases.start()
        port, host = self.transport_options.get("health_port", 0), self.transport_options.get("health_host", LOOPBACK)
        self._health = Health(self._held, self._receivers, port, host)
        self._health.start()

    def _settler(self, queue_url: str) -> Settler:
        if queue_url not in self._settlers:
            self._settlers[queue_url] = Settler(endpoint.calls(self._endpoint), queue_url)
        return self._settlers[queue_url]

    def _on_received(self, deliveries: list[Delivery]) -> None:
        """On a receiver's thread: leave the deliveries for the hub and wake it."""
        self._inbox.extend(deliveries)
        self.wake()

    def owns(self, delivery_tag: str) -> bool:
        """Whether a message is still ours, or may be in somebody else's hands by now."""
        delivery = self._held.get(delivery_tag)
        return delivery is not None and not delivery.is_lost

    def delivery(self, delivery_tag: str) -> Delivery | None:
        """A message that is held."""
        return self._held.get(delivery_tag)

    def wake(self) -> None:
        """From any thread: let the hub do now what it has been given to do."""
        if self._wakeup is not None:
            self._wakeup.ring()

    def _on_wakeup(self) -> None:
        """On the hub: hand everything received to its consumer."""
        if self._wakeup is not None:
            self._wakeup.hush()
        while self._inbox and not self._outage.is_on:
            self._hand_over(self._inbox.popleft())

    def _hand_over(self, delivery: Delivery) -> None:
        settler = self._settler(delivery.queue_url)
        if delivery.is_lost or settler.is_done(delivery):
            self._held.pop(delivery.receipt_handle)
            if not delivery.is_lost:
                settler.delete(delivery)
            return
        consume = self.connection._callbacks.get(delivery.queue)
        if consume is None:
            return  # cancelled: `close` gives it back
        try:
            default_task = self.transport_options.get("default_task")
            consume(wire.decode(delivery.message, delivery.queue, delivery.queue_url, default_task))
        # One message must never take the worker down: it goes back, and by redrive to the DLQ.
        except Exception as error:
            unforeseen = not isinstance(error, Undecodable)
            text = "message %s goes back to %s: %r"
            logger.error(text, delivery.message_id, delivery.queue, error, exc_info=unforeseen)
            self.on_poison(delivery, error)

    def _release_now(self, delivery: Delivery, error: Exception | None = None) -> None:
        self.basic_reject(delivery.receipt_handle, requeue=True)

    def vitals(self) -> dict[str, Any]:
        """What the worker holds, and how it polls."""
        return self._health.report() if self._health else {}

    @property
    def is_waiting(self) -> bool:
        """Whether there is an outage, so that nothing is worth running."""
        return self._outage.is_on

    def depend_on(self, task: Any) -> None:
        """Hand nothing over, and receive nothing, until what a task depends on is there."""
        self._outage.trip(task.name, task.is_back)

    def hold(self, delivery_tag: str, task: Any) -> None:
        """Keep a message in an outage, leased: it is handed over again, without another receive, when that is over."""
        delivery = self._held.get(delivery_tag)
        if delivery is not None:
            self._inbox.appendleft(delivery)
        self.depend_on(task)

    def basic_qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:
        """Hold at most `prefetch_count` messages."""
        super().basic_qos(prefetch_size, prefetch_count, apply_global)
        self._held.resize(prefetch_count)

    def basic_cancel(self, consumer_tag: str) -> Any:
        """Stop receiving for a consumer."""
        receiver = self._receivers.pop(self._tag_to_queue.get(consumer_tag), None)
        if receiver is not None:
            receiver.stop()
            self._stopped.append(receiver)
        return super().basic_cancel(consumer_tag)

    # Settling

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Delete a message that is done."""
        self.qos.ack(delivery_tag)
        delivery = self._held.pop(delivery_tag)
        if delivery is not None:
            self._settler(delivery.queue_url).delete(delivery)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Leave a message that failed to SQS. It is never deleted and never sent again.

        It becomes visible at once with `requeue`, else when `postpone` has said, or its visibility
        timeout ends; after the last receive that the queue allows, SQS moves it to the DLQ.
        """
        self.qos.ack(delivery_tag)
        delivery = self._held.pop(delivery_tag)
        if delivery is None:
            return
        delay = 0 if requeue else delivery.delay
        if delay is not None:
            self._settler(delivery.queue_url).release(delivery, delay)

    def postpone(self, delivery_tag: str, seconds: int) -> None:
        """Say when a message is to be visible again, once it is rejected."""
        delivery = self._held.get(delivery_tag)
        if delivery is not None:
            delivery.delay = seconds

    def close(self) -> None:
        """Stop receiving, hand back what was not started, and settle what is waiting to be."""
        if self.closed:
            return
        self._outage.stop()
        for consumer_tag in list(self._tag_to_queue):
            self.basic_cancel(consumer_tag)
        self._hand_back()
        for settler in self._settlers.values():
            settler.close(CLOSE_TIMEOUT)
        if self._leases is not None:
            self._leases.stop()
        if self._health is not None:
            self._health.stop()
        if self._wakeup is not None:
            self.hub.remove_reader(self._wakeup.fileno())
            self._wakeup.close()
            self._wakeup = None
        super().close()

    def _hand_back(self) -> None:
        """Give back what was not started, until all polls in flight have ended.

        Cut off, they would take messages along that nobody sees until their visibility timeout ends, and
        that have one receive less.
        """
        end = time.monotonic() + self.transport_options["receive_wait"] + endpoint.READ_TIMEOUT + CLOSE_MARGIN
        polling = True
        while polling:
            polling = any(receiver.is_polling for receiver in self._stopped)
            for delivery in self._held.all():
                if not self.run_instead(delivery):
                    self._release_now(delivery)
            if self.is_hurried() or time.monotonic() > end:
                return
            time.sleep(CLOSE_LOOK if polling else 0)


class Transport(SQS.Transport):
    """`broker_transport = "celery_sqs.consume.transport:Transport"`."""

    Channel = Channel

    #: Ours raises nothing that reconnecting would mend, so a failed call never restarts the consumer.
    connection_errors = virtual.Transport.connection_errors
    channel_errors = virtual.Transport.channel_errors
