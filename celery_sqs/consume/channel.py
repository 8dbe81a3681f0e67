"""The channel: what Celery and kombu see of SQS. It brings together the threads that receive, lease and settle.

It is kombu's own for SQS with its input and output replaced; what is kept is the consumers of a virtual channel. What
sends is in `celery_sqs.publish.channel`.
"""

import collections
import functools
import logging
from collections.abc import Sequence
from typing import Any, Final

from celery_sqs.aws.client import SqsClient
from celery_sqs.aws.endpoint import sqs_client
from celery_sqs.consume.budget import Step, after_receive
from celery_sqs.consume.circuit_breaker import CircuitBreaker
from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.consume.heartbeat import Heartbeat
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.leases import Leases
from celery_sqs.consume.owner import Owner
from celery_sqs.consume.pauses import Pauses
from celery_sqs.consume.ready import Ready
from celery_sqs.consume.receiver import Receiver, Source
from celery_sqs.consume.retention.keeper import Keeper
from celery_sqs.consume.settling.at_end import settle_all
from celery_sqs.consume.settling.settlements import Settlements
from celery_sqs.consume.settling.unbegun import Unbegun
from celery_sqs.consume.wakeup import Wakeup
from celery_sqs.errors import Undecodable
from celery_sqs.message.received import Message
from celery_sqs.message.unwrap import steps
from celery_sqs.publish.channel import SendingChannel

logger = logging.getLogger(__name__)

#: Seconds that polls under way get at the end. What SQS answers after that is hidden until its visibility timeout
#: ends, and has spent a receive; a long poll of an idle queue brings nothing.
POLL_TIMEOUT: Final = 4.0

#: Seconds that the last settlements get then.
CLOSE_TIMEOUT: Final = 4.0


class Channel(SendingChannel):
    """A channel that receives on threads of its own, and settles in batches.

    Attributes:
        in_flight: the deliveries that are not settled yet.
        heartbeat: of the event loop; without it nothing stays leased.
        receivers: those that poll, by queue.
        owner: the worker that it belongs to.
        ready: what waits to be handed to Celery.
        pauses: the queues that are paused.
    """

    Message = Message

    #: What is in flight at the end is released by `close`, in batches; kombu would do it one by one.
    do_restore = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.in_flight = InFlight()
        self.heartbeat = Heartbeat()
        self.receivers: dict[str, Receiver] = {}
        self._keepers: dict[str, Keeper] = {}
        self.owner = Owner(self)
        self.ready = Ready(self.in_flight, self.receivers, self._examine)
        self._circuit_breaker = CircuitBreaker(self.in_flight, self.wake)
        self._settlements = Settlements(self._connect, self.in_flight, self.qos.ack, self._on_refused)
        self._unbegun = Unbegun(self._settlements, lambda each: self.owner.records(each))  # noqa: PLW0108  # it changes
        self.pauses = Pauses(self.in_flight, self._settlements, self._unbegun, self.wake)
        self._postponed: collections.deque[tuple[Delivery, float]] = collections.deque()
        self._wakeup: Wakeup | None = None
        self._leases: Leases | None = None
        self._stopped: list[Receiver | Keeper] = []
        self._begun: collections.deque[Delivery] = collections.deque()
        self._was_exclusive = False
        self._is_stopping = False

    def _schedule_queue(self, queue: str) -> None:
        """Start to receive: kombu's hook for the first poll of a new consumer, on the hub."""
        if queue not in self._active_queues or queue in self.receivers:
            return
        if self._wakeup is None:
            self._begin()
        place = self._settings.queue(queue)
        source = Source(queue=queue, url=place.url, tasks=place.tasks, unwraps=steps(place.envelope))
        self._settlements.open(source.url)
        may_poll = functools.partial(self.pauses.may_poll, queue)
        receiver = Receiver(self._connect, source, self.in_flight, self._on_received, self.settle_at_stop, may_poll)
        keeper = Keeper(receiver, self.in_flight, self._settlements, self.hub.call_soon, self.owner.resume)
        self.receivers[queue], self._keepers[queue] = receiver, keeper
        receiver.start()
        keeper.start()

    def _begin(self) -> None:
        """Before the first poll: what wakes the hub, and leases for what will be in flight."""
        self._wakeup = Wakeup()
        self.hub.add_reader(self._wakeup.fileno(), self._on_wakeup)
        self._leases = Leases(self._connect(), self.in_flight, self.heartbeat)
        self._leases.start()

    def _connect(self, wait: float = 0) -> SqsClient:
        """The client for calls that may take so many seconds on purpose."""
        return sqs_client(self._settings.endpoint, wait)

    def _on_received(self, deliveries: list[Delivery]) -> None:
        """From any thread: leave the deliveries for the hub and wake it; but those that are not due wait for SQS."""
        for delivery in deliveries:
            if delivery.is_due or delivery.is_lost:
                self.ready.add([delivery])
            elif self.owner.is_revoked(delivery):
                delivery.attempts = 0  # none can have begun
                self.ready.add([delivery])
            else:
                self.proceed(delivery, after_receive(delivery.budget(records=True)), records=True)
        self.wake()

    def drop_if_lost(self, delivery: Delivery) -> bool:
        """Leave a message that does not run to the others if its lease has ended; says whether it has."""
        is_lost = delivery.is_lost
        if is_lost:
            self._settlements.drop(delivery)
            self.owner.withdraw(delivery)  # or the next worker would take it for lost with this one
        return is_lost

    def wake(self) -> None:
        """From any thread: let the hub do now what it has been given to do."""
        if self._wakeup is not None:
            self._wakeup.wake()

    def _on_wakeup(self) -> None:
        """On the hub: examine what has come back, and hand the rest to its consumer."""
        if self._wakeup is not None:
            self._wakeup.drain()
        while self._postponed:
            postponed, seconds = self._postponed.popleft()
            self.hub.call_later(seconds, self._on_received, [postponed])
        self.pauses.apply(self.ready, self.owner.resume)
        self.ready.sort(self.is_waiting, self.pauses.divert)
        if self.is_waiting:
            # Batches may find the outage over before this does, while others are examined still, and wait for these.
            self._was_exclusive = True
            return
        suspect = self.ready.next_suspect()
        if suspect is not None:
            self.owner.begin(suspect)
        while self._begun:
            self.hand_over(self._begun.popleft())
        was_exclusive, self._was_exclusive = self._was_exclusive, self.ready.is_exclusive
        if was_exclusive and not self._was_exclusive:
            self.owner.resume()
        while not self.is_waiting and (delivery := self.ready.next()):
            self.hand_over(delivery)

    def _examine(self, deliveries: list[Delivery]) -> None:
        """Have the worker look up what is on record, but for what has been done, or is not ours any more."""
        ours = []
        for delivery in deliveries:
            if self.drop_if_lost(delivery):
                continue
            if self._settlements.is_done(delivery):
                self._settlements.delete(delivery)
            else:
                ours.append(delivery)
        if ours:
            self.owner.examine(ours)

    def proceed(self, delivery: Delivery, step: Step, records: bool) -> None:
        """From any thread: do what follows from what is known of a message."""
        match step:
            case Step.RENEW | Step.DEFER:
                self._settlements.renew(delivery, records, "returned" if step is Step.RENEW else "eta")
            case Step.POSTPONE:
                self._postponed.append((delivery, delivery.delay))
            case Step.RENEW_UNSPENT:
                self._settlements.renew_unspent(delivery, "redriven")
            case Step.GIVE_UP:
                self._settlements.release(delivery)
            case _:
                delivery.is_alone = step is Step.RUN_ALONE
                self.ready.add([delivery])
        self.wake()

    def begin(self, delivery: Delivery) -> None:
        """From any thread: a suspect may run, its attempt is on record."""
        self._begun.append(delivery)
        self.wake()

    def hand_over(self, delivery: Delivery) -> None:
        """On the hub: give a message to its consumer."""
        if self.drop_if_lost(delivery):
            return
        if delivery.state is not State.RESERVED and not self._settlements.advance(delivery, State.RESERVED):
            return  # it has been renewed while it waited
        consume = self.connection._callbacks.get(delivery.queue)
        if consume is None:
            return  # cancelled: `close` renews or releases it
        try:
            payload = delivery.decoded(self._settings.default_task, self._is_exact)
            consume(payload)
        # One message must never take the worker down: it goes back, and by redrive to the DLQ.
        except Exception as error:
            unforeseen = not isinstance(error, Undecodable)
            text = "message %s is released to %s: %r"
            logger.error(text, delivery.message_id, delivery.queue, error, exc_info=unforeseen)
            self.owner.bury(delivery, error)

    @property
    def is_waiting(self) -> bool:
        """Whether there is an outage, so that nothing is worth running."""
        return self._circuit_breaker.is_open

    def depend_on(self, task: Any) -> None:
        """Hand nothing over, and receive nothing, until what a task depends on is there."""
        self._circuit_breaker.trip(task.name, task.is_back)

    def park(self, delivery_tag: str, task: Any) -> None:
        """Keep a message in an outage, leased: it is handed over again, without another receive, when that is over."""
        self.depend_on(task)  # first, or the hub might hand the message over at once
        self.take_back(delivery_tag)
        self.wake()  # the outage may be over by now

    def take_back(self, delivery_tag: str) -> None:
        """From any thread: take a message back from Celery. In an outage it stays parked, in a pause it goes back."""
        if (delivery := self.in_flight.get(delivery_tag)) and self._settlements.advance(delivery, State.PARKED):
            delivery.is_submitted = False
            self.ready.add([delivery])

    def postpone(self, delivery_tag: str, seconds: float) -> None:
        """Keep a message, leased, and hand it over again after so many seconds; nothing else waits for it."""
        delivery = self.in_flight.get(delivery_tag)
        if delivery is not None and self._settlements.advance(delivery, State.PARKED):
            delivery.is_submitted = delivery.is_alone = False  # a suspect has run alone, and this worker lives
            self._postponed.append((delivery, seconds))
            self.owner.withdraw(delivery)

    def basic_qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:
        """Have at most `prefetch_count` messages in flight."""
        super().basic_qos(prefetch_size, prefetch_count, apply_global)
        self.in_flight.resize(prefetch_count)

    def basic_cancel(self, consumer_tag: str) -> Any:
        """Stop receiving for a consumer."""
        queue = self._tag_to_queue.get(consumer_tag)
        for polling in (self.receivers.pop(queue, None), self._keepers.pop(queue, None)):
            if polling is not None:
                polling.stop()
                self._stopped.append(polling)
        return super().basic_cancel(consumer_tag)

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Delete a message that is done."""
        self.ack_all([delivery_tag])

    def ack_all(self, delivery_tags: Sequence[str]) -> None:
        """Delete messages that are done."""
        for delivery in self._settlements.delete_all(delivery_tags):
            self.owner.withdraw(delivery)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Release a message at once with `requeue`, else when its visibility timeout ends. It is never sent again."""
        if (delivery := self.in_flight.get(delivery_tag)) is not None:
            (self._settlements.release if requeue else self._settlements.drop)(delivery)

    def release(self, delivery_tag: str, delay: int) -> None:
        """Make a message visible in so many seconds. SQS moves it to the DLQ after the last receive that it allows."""
        if (delivery := self.in_flight.get(delivery_tag)) is not None:
            self._settlements.release(delivery, delay)

    def settle_at_stop(self, delivery: Delivery) -> None:
        """Renew or release a message that has not begun, from any thread: this worker stops."""
        self._is_stopping = True
        self._unbegun.at_stop(delivery)

    def _on_refused(self, delivery: Delivery) -> None:
        """A message cannot be renewed: what has come back runs alone, once it is due, unless the worker stops."""
        if self._is_stopping:
            self._settlements.release(delivery)
        else:
            self.proceed(delivery, Step.RUN_ALONE if delivery.is_due else Step.POSTPONE, records=True)

    def close(self) -> None:
        """Stop receiving, renew or release what was not started, and settle what is waiting to be."""
        if self.closed:
            return
        self._circuit_breaker.stop()
        for consumer_tag in list(self._tag_to_queue):
            self.basic_cancel(consumer_tag)
        settle_all(self.in_flight, self._stopped, self.settle_at_stop, self.owner.is_cold_shutdown, POLL_TIMEOUT)
        self._settlements.close(CLOSE_TIMEOUT)
        if self._leases is not None:
            self._leases.stop()
        if self._wakeup is not None:
            self.hub.remove_reader(self._wakeup.fileno())
            self._wakeup.close()
            self._wakeup = None
        super().close()
