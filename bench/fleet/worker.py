"""A worker in the model: its polls, its batches, its pool, and the deletes of what is stored."""

from collections import deque
from dataclasses import dataclass
from functools import partial

from bench.fleet.costs import WorkerCosts
from bench.fleet.database import Database
from bench.fleet.events import Action, Cores, Events, Process
from bench.fleet.group_commit import GroupCommit
from bench.fleet.sqs import Queue, Service
from celery_sqs.configuration import PREFETCH_MULTIPLIER
from celery_sqs.consume.in_flight import MAX_RECEIVE
from celery_sqs.consume.polls import MOST_IN_FLIGHT, POOR, WORTH_WAITING
from celery_sqs.consume.settling.settler import LIMITS
from celery_sqs.tasks.batch import BatchTask
from celery_sqs.worker.collector import LINGER
from config.queues import ORDER_QUEUE


@dataclass(slots=True)
class Poll:
    """A call of ReceiveMessage that is under way."""

    count: int
    is_long: bool


class Worker:
    """One worker: a main process, and a pool.

    Args:
        events: the clock.
        cores: that its processes run on.
        service: SQS.
        queue: what it polls.
        database: what it writes to.
        costs: of its work.
        processes: of its pool.

    Attributes:
        in_flight: messages that are received and not settled.
        batches: that it has stored.
    """

    def __init__(
        self,
        events: Events,
        cores: Cores,
        service: Service,
        queue: Queue,
        database: Database,
        costs: WorkerCosts,
        processes: int,
    ) -> None:
        self._events = events
        self._service = service
        self._queue = queue
        self._database = database
        self._costs = costs
        self._main = Process(cores)
        self._idle = [Process(cores) for _ in range(processes)]
        self._limit = PREFETCH_MULTIPLIER * processes
        self._processes = processes
        self._polls: list[Poll] = []
        self._wanted = 1.0
        self._full_at = float("-inf")
        self._waiting: deque[float] = deque()
        self._waiting_since = 0.0
        self._is_looking = False
        self._deletes = GroupCommit(events, LIMITS, self._send_deletes)
        self._start_cost = costs.start
        self.in_flight = 0
        self.batches = 0

    def start(self) -> None:
        """Begin to poll."""
        while poll := self._next_poll():
            self._polls.append(poll)
            wait = ORDER_QUEUE.receive_wait if poll.is_long else 0
            self._service.receive(self._queue, poll.count, wait, partial(self._end, poll))

    def _next_poll(self) -> Poll | None:
        """The next poll, by the rules of `celery_sqs.consume.polls`."""
        if len(self._polls) >= int(self._wanted):
            return None
        room = self._limit - self.in_flight - sum(poll.count for poll in self._polls)
        count = min(MAX_RECEIVE, room)
        if count <= 0:
            self._full_at = self._events.now
            return None
        if count < MAX_RECEIVE and self.in_flight and self._events.now - self._full_at < WORTH_WAITING:
            self._events.after(WORTH_WAITING, self.start)
            return None
        return Poll(count, is_long=not any(poll.is_long for poll in self._polls))

    def _end(self, poll: Poll, messages: list[float]) -> None:
        self._polls.remove(poll)
        if len(messages) >= poll.count:
            self._wanted = min(self._wanted + 1 / self._wanted, MOST_IN_FLIGHT)
        elif len(messages) < poll.count * POOR:
            self._wanted = max(self._wanted - 1, 1)
        self.in_flight += len(messages)
        if messages:
            self._main.compute(self._costs.receive * len(messages), lambda: self._collect(messages))
        self.start()

    def _collect(self, messages: list[float]) -> None:
        if not self._waiting:
            self._waiting_since = self._events.now
        self._waiting.extend(messages)
        self._begin()

    def _begin(self) -> None:
        """Begin batches, by the rules of `celery_sqs.worker.collector`."""
        while self._waiting and self._idle and self._is_due():
            count = min(BatchTask.batch_size, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
            process = self._idle.pop()
            process.compute(self._cost_of(batch), partial(self._store, batch, process))

    def _cost_of(self, batch: list[float]) -> float:
        start, self._start_cost = self._start_cost, 0.0
        return start + self._costs.batch_of(len(batch))

    def _is_due(self) -> bool:
        if len(self._idle) == self._processes or len(self._waiting) >= BatchTask.batch_size:
            return True
        left = self._waiting_since + LINGER - self._events.now
        if left > 0 and not self._is_looking:
            self._is_looking = True
            self._events.after(left, self._look_again)
        return left <= 0

    def _look_again(self) -> None:
        self._is_looking = False
        self._begin()

    def _store(self, batch: list[float], process: Process) -> None:
        self._database.commit(batch, lambda: self._settle(batch, process))

    def _settle(self, batch: list[float], process: Process) -> None:
        self.batches += 1
        self._main.compute(self._costs.settle * len(batch), lambda: self._settled(batch, process))

    def _settled(self, batch: list[float], process: Process) -> None:
        self._idle.append(process)
        self.in_flight -= len(batch)
        for message in batch:
            self._deletes.add(message)
        self._begin()
        self.start()

    def _send_deletes(self, batch: list[float], done: Action) -> None:
        self._service.call(lambda: self._queue.delete(len(batch)), lambda _: done())
