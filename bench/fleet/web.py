"""A web process in the model: it answers a POST when SQS has confirmed the order."""

import random
from collections.abc import Callable

from bench.fleet.costs import WebCosts
from bench.fleet.events import Action, Cores, Events, Process
from bench.fleet.group_commit import GroupCommit
from bench.fleet.sqs import Queue, Service
from celery_sqs.publish.sender import LIMITS


class Web:
    """One process, and clients that post independently of each other.

    Args:
        events: the clock.
        cores: that it runs on.
        service: SQS.
        queue: where it sends to.
        costs: of its work.
        rate: orders per second, on average; their arrivals are a Poisson process.
        chance: draws the arrivals.
        answered: called with the seconds that a client has waited.
        sent: called with the orders of each send.
    """

    def __init__(
        self,
        events: Events,
        cores: Cores,
        service: Service,
        queue: Queue,
        costs: WebCosts,
        rate: float,
        chance: random.Random,
        answered: Callable[[float], None],
        sent: Callable[[int], None],
    ) -> None:
        self._events = events
        self._process = Process(cores)
        self._service = service
        self._queue = queue
        self._costs = costs
        self._rate = rate
        self._chance = chance
        self._answered = answered
        self._sent = sent
        self._sends = GroupCommit(events, LIMITS, self._send)

    def start(self) -> None:
        """Begin to receive orders."""
        self._events.after(self._chance.expovariate(self._rate), self._post)

    def _post(self) -> None:
        posted = self._events.now
        self._process.compute(self._costs.order, lambda: self._sends.add(posted))
        self.start()

    def _send(self, batch: list[float], done: Action) -> None:
        self._sent(len(batch))

        def confirmed(_: None) -> None:
            for posted in batch:
                self._answered(self._events.now - posted)
            done()

        def call() -> None:
            self._service.call(lambda: self._queue.send([self._events.now] * len(batch)), confirmed)

        self._process.compute(self._costs.call, call)
