"""The channel: what Celery and kombu see of SQS. It brings together the threads that receive, lease and settle.

It is kombu's own for SQS with its input and output replaced; what is kept is the consumers of a virtual channel.
"""

import collections
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from kombu.transport import SQS

from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.endpoint import sqs_client
from celery_sqs.consume.circuit_breaker import CircuitBreaker
from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.leases import Leases
from celery_sqs.consume.receiver import Receiver, Source
from celery_sqs.consume.settler import Settler
from celery_sqs.consume.wakeup import Wakeup
from celery_sqs.errors import Undecodable, Unpurgeable, Unsendable
from celery_sqs.message import wire
from celery_sqs.message.outgoing import Outgoing
from celery_sqs.message.received import Message
from celery_sqs.publish import delay
from celery_sqs.publish.amqp import SETTINGS
from celery_sqs.publish.sender import sender
from celery_sqs.settings import Settings

logger = logging.getLogger(__name__)

#: Seconds that the last settlements get at the end.
CLOSE_TIMEOUT: Final = 10.0

CLOSE_MARGIN: Final = 1.0  # seconds that a poll gets beyond its own time limit
CLOSE_LOOK: Final = 0.05  # seconds between two looks whether all polls have ended


class Channel(SQS.Channel):
    """A channel that sends and settles in batches, and receives on threads of its own.

    Attributes:
        in_flight: the deliveries that are not settled yet.
        receivers: those that poll, by queue.
        on_poison: called with a delivery that no consumer can take, and why; releases it unless set.
        is_hurried: whether `close` is not to wait for polls under way.
        run_instead: called by `close` with what it is about to release; says whether that has been run.
    """

    Message = Message

    #: A body is JSON text already; kombu's default would wrap it in base64.
    body_encoding = None

    #: What is in flight at the end is released by `close`, in batches; kombu would do it one by one.
    do_restore = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.in_flight = InFlight()
        self.receivers: dict[str, Receiver] = {}
        self.on_poison: Callable[[Delivery, Exception], None] = self._release_now
        self.is_hurried: Callable[[], bool] = lambda: False
        self.run_instead: Callable[[Delivery], bool] = lambda _: False
        self._circuit_breaker = CircuitBreaker(self.in_flight, self.wake)
        self._ready: collections.deque[Delivery] = collections.deque()
        self._postponed: collections.deque[tuple[Delivery, float]] = collections.deque()
        self._wakeup: Wakeup | None = None
        self._leases: Leases | None = None
        self._stopped: list[Receiver] = []
        self._settlers: dict[str, Settler] = {}

    @property
    def _settings(self) -> Settings:
        settings: Settings = self.transport_options[SETTINGS]
        return settings

    # Sending

    def basic_publish(self, message: Any, exchange: str, routing_key: str, **kwargs: Any) -> None:
        """Send a message to the queue that the routing key names. kombu drops one that no exchange routes to a queue.

        Raises:
            Unsendable: it is for an exchange.
        """
        if exchange:
            raise Unsendable(
                f"exchange {exchange!r}: SQS has no exchanges, so name the queue (routing key {routing_key!r})"
            )
        super().basic_publish(message, exchange, routing_key, **kwargs)

    def _resolve_queue_url(self, queue: str) -> str:
        return self._settings.queue(queue).url

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        seconds = delay.take(message["headers"])
        self.send(queue, wire.encode(message), seconds)

    def send(self, queue: str, message: Outgoing, seconds: int = 0) -> None:
        """Send a message; returns once SQS has confirmed it. See `celery_sqs.publish.sender`."""
        settings = self._settings
        sender(settings.endpoint, self._resolve_queue_url(queue)).send(message, settings.send_timeout, seconds)

    def _purge(self, queue: str) -> int:
        raise Unpurgeable(queue)

    def _size(self, queue: str) -> int:
        # kombu asks on every declaration, and each publish declares: a call to SQS for a number
        # that nobody reads.
        return 0

    # Receiving

    def _schedule_queue(self, queue: str) -> None:
        """Start to receive: kombu's hook for the first poll of a new consumer, on the hub."""
        if queue not in self._active_queues or queue in self.receivers:
            return
        if self._wakeup is None:
            self._begin()
        source = Source(queue=queue, url=self._resolve_queue_url(queue))
        receiver = Receiver(self._connect, source, self.in_flight, self._settler(source.url), self._on_received)
        self.receivers[queue] = receiver
        receiver.start()

    def _begin(self) -> None:
        """Before the first poll: what wakes the hub, and leases for what will be in flight."""
        self._wakeup = Wakeup()
        self.hub.add_reader(self._wakeup.fileno(), self._on_wakeup)
        self._leases = Leases(self._connect(), self.in_flight)
        self._leases.start()

    def _connect(self, wait: float = 0) -> SqsClient:
        """The client for calls that may take so many seconds on purpose."""
        return sqs_client(self._settings.endpoint, wait)

    def _settler(self, queue_url: str) -> Settler:
        if queue_url not in self._settlers:
            self._settlers[queue_url] = Settler(self._connect(), queue_url)
        return self._settlers[queue_url]

    def _on_received(self, deliveries: list[Delivery]) -> None:
        """On a receiver's thread: leave the deliveries for the hub and wake it."""
        self._ready.extend(deliveries)
        self.wake()

    def owns(self, delivery_tag: str) -> bool:
        """Whether a message is still ours, or another worker may have it by now."""
        delivery = self.in_flight.get(delivery_tag)
        return delivery is not None and not delivery.is_lost

    def wake(self) -> None:
        """From any thread: let the hub do now what it has been given to do."""
        if self._wakeup is not None:
            self._wakeup.wake()

    def _on_wakeup(self) -> None:
        """On the hub: hand everything received to its consumer."""
        if self._wakeup is not None:
            self._wakeup.drain()
        while self._postponed:
            delivery, seconds = self._postponed.popleft()
            self.hub.call_later(seconds, self._on_received, [delivery])
        while self._ready and not self._circuit_breaker.is_open:
            self._hand_over(self._ready.popleft())

    def _hand_over(self, delivery: Delivery) -> None:
        if delivery.is_lost:
            self.in_flight.pop(delivery.receipt_handle)
            return
        if self._settler(delivery.queue_url).is_done(delivery):
            self.basic_ack(delivery.receipt_handle)
            return
        consume = self.connection._callbacks.get(delivery.queue)
        if consume is None:
            return  # cancelled: `close` releases it
        try:
            payload = decoded(delivery, self._settings.default_task)
            delivery.advance(State.RESERVED)
            consume(payload)
        # One message must never take the worker down: it goes back, and by redrive to the DLQ.
        except Exception as error:
            unforeseen = not isinstance(error, Undecodable)
            text = "message %s is released to %s: %r"
            logger.error(text, delivery.message_id, delivery.queue, error, exc_info=unforeseen)
            self.on_poison(delivery, error)

    def _release_now(self, delivery: Delivery, error: Exception | None = None) -> None:
        self.basic_reject(delivery.receipt_handle, requeue=True)

    @property
    def is_waiting(self) -> bool:
        """Whether there is an outage, so that nothing is worth running."""
        return self._circuit_breaker.is_open

    def depend_on(self, task: Any) -> None:
        """Hand nothing over, and receive nothing, until what a task depends on is there."""
        self._circuit_breaker.trip(task.name, task.is_back)

    def park(self, delivery_tag: str, task: Any) -> None:
        """Keep a message in an outage, leased: it is handed over again, without another receive, when that is over."""
        delivery = self.in_flight.get(delivery_tag)
        if delivery is not None:
            delivery.advance(State.PARKED)
            self._ready.appendleft(delivery)
        self.depend_on(task)

    def postpone(self, delivery_tag: str, seconds: float) -> None:
        """Keep a message, leased, and hand it over again after so many seconds; nothing else waits for it."""
        delivery = self.in_flight.get(delivery_tag)
        if delivery is not None and delivery.advance(State.PARKED):
            self._postponed.append((delivery, seconds))

    def basic_qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:
        """Have at most `prefetch_count` messages in flight."""
        super().basic_qos(prefetch_size, prefetch_count, apply_global)
        self.in_flight.resize(prefetch_count)

    def basic_cancel(self, consumer_tag: str) -> Any:
        """Stop receiving for a consumer."""
        receiver = self.receivers.pop(self._tag_to_queue.get(consumer_tag), None)
        if receiver is not None:
            receiver.stop()
            self._stopped.append(receiver)
        return super().basic_cancel(consumer_tag)

    # Settling

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Delete a message that is done."""
        delivery = self._take_out(delivery_tag)
        if delivery is not None:
            self._settler(delivery.queue_url).delete(delivery)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Release a message at once with `requeue`, else when its visibility timeout ends. It is never sent again."""
        if requeue:
            self.release(delivery_tag, 0)
        else:
            self._take_out(delivery_tag)

    def release(self, delivery_tag: str, delay: int) -> None:
        """Make a message visible in so many seconds. SQS moves it to the DLQ after the last receive that it allows."""
        delivery = self._take_out(delivery_tag)
        if delivery is not None:
            self._settler(delivery.queue_url).release(delivery, delay)

    def _take_out(self, delivery_tag: str) -> Delivery | None:
        self.qos.ack(delivery_tag)
        delivery = self.in_flight.pop(delivery_tag)
        if delivery is not None:
            delivery.advance(State.SETTLED)
        return delivery

    def close(self) -> None:
        """Stop receiving, release what was not started, and settle what is waiting to be."""
        if self.closed:
            return
        self._circuit_breaker.stop()
        for consumer_tag in list(self._tag_to_queue):
            self.basic_cancel(consumer_tag)
        self._release_rest()
        for settler in self._settlers.values():
            settler.close(CLOSE_TIMEOUT)
        if self._leases is not None:
            self._leases.stop()
        if self._wakeup is not None:
            self.hub.remove_reader(self._wakeup.fileno())
            self._wakeup.close()
            self._wakeup = None
        super().close()

    def _release_rest(self) -> None:
        """Release what was not started, until all polls under way have ended.

        Cut off, they would take messages along that nobody sees until their visibility timeout ends, and
        that have one receive less.
        """
        longest = max((receiver.longest_poll for receiver in self._stopped), default=0.0)
        end = time.monotonic() + longest + CLOSE_MARGIN
        polling = True
        while polling:
            polling = any(receiver.is_polling for receiver in self._stopped)
            for delivery in self.in_flight.all():
                if not self.run_instead(delivery):
                    self._release_now(delivery)
            if self.is_hurried() or time.monotonic() > end:
                return
            time.sleep(CLOSE_LOOK if polling else 0)


def decoded(delivery: Delivery, default_task: str | None) -> dict[str, Any]:
    """The kombu message of a delivery; raises Undecodable where it is no task call."""
    return wire.decode(delivery.message, delivery.queue, delivery.queue_url, default_task, delivery.max_receive_count)
