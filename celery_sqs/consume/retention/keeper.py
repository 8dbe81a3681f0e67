"""The keeper: renews what SQS would delete for its age, also where an outage or a pause lets it receive nothing.

A worker that receives sees the ages of what it receives. Where it does not, the keeper receives a few messages now and
then. Once some are old, it goes on until it finds none any more. Whatever it receives it renews, so that no message has
spent a receive on it. SQS gives each message to one keeper, however many workers there are.
"""

import logging
import math
import random
from collections.abc import Callable
from typing import Any, Final

from celery_sqs import system
from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.consume.in_flight import MAX_RECEIVE, InFlight
from celery_sqs.consume.receiver import Receiver
from celery_sqs.consume.retention.ages import Ages, age, is_kept
from celery_sqs.consume.settling.settlements import Settlements
from celery_sqs.errors import CallFailed
from celery_sqs.retry import pause
from celery_sqs.threads import Guarded
from celery_sqs.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

#: Seconds until the first look, at the most: the queue may have been without a worker for long.
FIRST_LOOK: Final = 5.0

#: Polls at once, when there are old messages. At 10 ms a call they bring ten times what one web process accepts.
POLLS: Final = 8

#: Messages that are being renewed, at the most. They are beside the prefetch limit.
MAX_TAKEN: Final = 2 * POLLS * MAX_RECEIVE

ROOM_LOOK: Final = 0.02  # seconds between two looks whether there is room for more
ROOM_WAIT: Final = 1.0  # seconds to wait for it; then SQS takes no copies, and this is tried again later

#: Seconds that SQS may wait for a message: with none it asks some of its servers, and may miss what others have.
POLL_WAIT: Final = 1

FIRST_PAUSE: Final = 0.5  # seconds after a failed look, at the most; doubles from there
LONGEST_PAUSE: Final = 5.0  # seconds

#: The states in which a message can be renewed: Celery does not have it.
_RENEWABLE: Final = frozenset({State.READY, State.PARKED})


class Keeper:
    """Looks for old messages of one queue, on a thread of its own, until stopped.

    Args:
        receiver: receives from the queue.
        in_flight: the worker's deliveries.
        settlements: renews.
        call_soon: has the worker's event loop call a function.
        resume: called on the event loop in an outage: has Celery park what it has not begun.
        first_look: seconds until the first look, at the most.
    """

    def __init__(
        self,
        receiver: Receiver,
        in_flight: InFlight,
        settlements: Settlements,
        call_soon: Callable[[Callable[[], None]], Any],
        resume: Callable[[], None],
        first_look: float = FIRST_LOOK,
    ) -> None:
        self._receiver = receiver
        self._in_flight = in_flight
        self._settlements = settlements
        self._call_soon = call_soon
        self._resume = resume
        self._first_look = first_look
        self._stopped = system.threading.Event()
        self._taken: list[Delivery] = []
        self._failed = ThrottledLog(logger, f"cannot look for old messages of {receiver.source.url}, trying on")
        self._thread = Guarded(self._run, name="sqs-keeper")

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more. What a poll under way still brings is renewed."""
        self._stopped.set()

    @property
    def is_polling(self) -> bool:
        """Whether a poll may be under way still."""
        return self._thread.is_alive()

    def _run(self) -> None:
        wait: float | None = random.uniform(0.5, 1) * self._first_look
        failures = 0
        while wait is not None and not self._stopped.wait(wait):
            # Without this thread an outage longer than the retention loses messages.
            try:
                wait, failures = self.look(), 0
            except Exception as error:
                self._failed.warning(repr(error))
                wait = pause(failures, FIRST_PAUSE, LONGEST_PAUSE)
                failures += 1

    def look(self) -> float | None:
        """Renew what is old; returns the seconds until the next look, None if the queue's messages are not renewed.

        Raises:
            CallFailed: SQS refuses, does not answer, or takes no copies.
        """
        facts = self._receiver.learn()
        if not is_kept(facts):
            return None
        ages = Ages(facts.retention)
        self._call_soon(lambda: self._renew_in_flight(ages))
        oldest = max((age(each) for each in self._of_queue()), default=0.0)
        if oldest > ages.old or self._does_not_receive(ages):
            oldest = self._receive_old(ages, oldest)
        # With jitter, so that workers which have started together do not look together for ever.
        return random.uniform(0.5, 1) * ages.pause(oldest)

    def _does_not_receive(self, ages: Ages) -> bool:
        """Whether the worker has seen nothing of the queue for long. One that has just started may be about to."""
        silence = system.time.monotonic() - self._receiver.answered_at
        return silence > ages.shortest_pause and (math.isfinite(silence) or self._is_closed)

    @property
    def _is_closed(self) -> bool:
        return self._in_flight.suspended or self._receiver.is_paused

    def _receive_old(self, ages: Ages, oldest: float) -> float:
        """Receive and renew, on several threads while that brings old messages; returns the last round's oldest age."""
        self._wait_for_room()
        found = self._receive()
        oldest = max(oldest, *found, 0.0)
        if oldest <= ages.old and len(found) < MAX_RECEIVE:
            return oldest
        limit = ages.not_young if oldest > ages.old else ages.old
        with system.futures.ThreadPoolExecutor(POLLS, thread_name_prefix="sqs-keeper-poll") as pool:
            while not self._stopped.is_set():
                self._wait_for_room()
                found = [each for part in pool.map(lambda _: self._receive(), range(POLLS)) for each in part]
                oldest = max(found, default=0.0)
                if oldest <= limit:
                    break
                limit = ages.not_young
        return oldest

    def _receive(self) -> list[float]:
        """Receive once and renew what comes, whatever its age; returns the ages."""
        received = self._receiver.receive(MAX_RECEIVE, POLL_WAIT)
        deliveries = [delivery for delivery in received if self._in_flight.add(delivery, beside=True)]
        for delivery in deliveries:
            self._taken.append(delivery)
            if self._settlements.is_done(delivery):
                self._settlements.delete(delivery)
            else:
                self._settlements.renew(delivery, records=True, reason="old")
        return [age(delivery) for delivery in deliveries]

    def _wait_for_room(self) -> None:
        """Wait until enough is renewed to go on, or until the end."""
        until = system.time.monotonic() + ROOM_WAIT
        while True:
            self._taken = [each for each in self._taken if self._in_flight.get(each.receipt_handle) is each]
            if len(self._taken) <= MAX_TAKEN - POLLS * MAX_RECEIVE:
                return
            if system.time.monotonic() > until:
                raise CallFailed(f"{len(self._taken)} messages wait to be renewed")
            if self._stopped.wait(ROOM_LOOK):
                return

    def _renew_in_flight(self, ages: Ages) -> None:
        """On the event loop: renew what the worker has, has not begun, and would have for too long."""
        if self._in_flight.suspended:
            self._resume()
        for delivery in self._of_queue():
            if delivery.state in _RENEWABLE and delivery.is_renewable and age(delivery) > ages.old:
                self._settlements.renew(delivery, records=True, reason="old")

    def _of_queue(self) -> list[Delivery]:
        return [each for each in self._in_flight.all() if each.queue_url == self._receiver.source.url]
