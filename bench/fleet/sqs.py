"""SQS in the model: a standard queue, and two services that serve it: AWS's, and the emulator of the benchmark."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from bench.fleet.costs import EmulatorCosts
from bench.fleet.events import Action, Cores, Events, Process

#: Messages of a standard queue that are received and not deleted, at the most:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
MAX_IN_FLIGHT: Final = 120_000


class Queue:
    """A standard queue. A message is the time at which it was sent.

    Args:
        quota: messages in flight at the most.

    Attributes:
        in_flight: messages that are received and not deleted.
        most_in_flight: the largest number of them so far.
        changed: called when a message may have become available.
    """

    def __init__(self, quota: int = MAX_IN_FLIGHT) -> None:
        self._quota = quota
        self._visible: deque[float] = deque()
        self.in_flight = 0
        self.most_in_flight = 0
        self.changed: Action = lambda: None

    def __len__(self) -> int:
        """Messages that are not deleted."""
        return len(self._visible) + self.in_flight

    @property
    def visible(self) -> int:
        """Messages that wait."""
        return len(self._visible)

    def send(self, messages: list[float]) -> None:
        """Take messages in."""
        self._visible.extend(messages)
        self.changed()

    def receive(self, count: int) -> list[float]:
        """Up to so many of the oldest; none beyond the quota, as a long poll gets no error."""
        count = min(count, len(self._visible), self._quota - self.in_flight)
        messages = [self._visible.popleft() for _ in range(count)]
        self.in_flight += len(messages)
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return messages

    def delete(self, count: int) -> None:
        """Delete messages in flight."""
        was_full = self.in_flight >= self._quota
        self.in_flight -= count
        if was_full:
            self.changed()


class Service(Protocol):
    """What serves calls to a queue, and counts them.

    Attributes:
        calls: so far.
    """

    calls: int

    def call(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Make a call: do the work where the queue is, and return its result."""

    def receive(self, queue: Queue, count: int, wait: float, then: Callable[[list[float]], None]) -> None:
        """Poll, and wait so many seconds for a first message."""


class _LongPoll:
    """A poll that waits at SQS for a first message, until it is answered."""

    def __init__(self, count: int, answer: Callable[[list[float]], None]) -> None:
        self.count = count
        self.answer = answer
        self.is_answered = False


class _LongPolls:
    """The polls that wait; one is answered when a message arrives, the oldest first.

    Args:
        events: the clock.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._waiting: deque[_LongPoll] = deque()

    def receive(self, queue: Queue, count: int, wait: float, answer: Callable[[list[float]], None]) -> None:
        """Answer a poll that has arrived, now or later."""
        queue.changed = lambda: self._answer(queue)
        messages = queue.receive(count)
        if messages or not wait:
            answer(messages)
            return
        poll = _LongPoll(count, answer)
        self._waiting.append(poll)
        self._events.after(wait, lambda: self._give_up(poll))

    def _answer(self, queue: Queue) -> None:
        """Answer polls that wait while there are messages."""
        while self._waiting:
            poll = self._waiting[0]
            messages = [] if poll.is_answered else queue.receive(poll.count)
            if not messages and not poll.is_answered:
                return
            self._waiting.popleft()
            if not poll.is_answered:
                poll.is_answered = True
                poll.answer(messages)

    def _give_up(self, poll: _LongPoll) -> None:
        if not poll.is_answered:
            poll.is_answered = True
            poll.answer([])


class Aws:
    """SQS itself: a round trip for each call, and as many calls at once as there are.

    Args:
        events: the clock.
        round_trip: seconds from a request to its response.
    """

    def __init__(self, events: Events, round_trip: float) -> None:
        self._events = events
        self._half = round_trip / 2
        self._polls = _LongPolls(events)
        self.calls = 0

    def call(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """As `Service` says."""
        self.calls += 1
        self._events.after(self._half, lambda: self._back(work(), then))

    def receive(self, queue: Queue, count: int, wait: float, then: Callable[[list[float]], None]) -> None:
        """As `Service` says."""
        self.calls += 1
        arrive = partial(self._polls.receive, queue, count, wait, lambda found: self._back(found, then))
        self._events.after(self._half, arrive)

    def _back(self, result: Any, then: Callable[[Any], None]) -> None:
        self._events.after(self._half, lambda: then(result))


class Emulator:
    """The benchmark's: one process, behind a proxy that adds the round trip.

    Args:
        events: the clock.
        cores: that both share with everything else.
        round_trip: seconds that the proxy adds.
        costs: of a call.
    """

    def __init__(self, events: Events, cores: Cores, round_trip: float, costs: EmulatorCosts) -> None:
        self._events = events
        self._half = round_trip / 2
        self._costs = costs
        self._process, self._proxy = Process(cores), Process(cores)
        self._polls = _LongPolls(events)
        self.queue = Queue()
        self.calls = 0

    def call(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """As `Service` says."""
        self._there(lambda: self.serve(lambda: self._back(work(), then)))

    def serve(self, then: Action) -> None:
        """A call without the proxy."""
        self._process.compute(self._costs.call, then)

    def receive(self, queue: Queue, count: int, wait: float, then: Callable[[list[float]], None]) -> None:
        """As `Service` says."""
        arrive = partial(self._polls.receive, queue, count, wait, lambda found: self._back(found, then))
        self._there(lambda: self.serve(arrive))

    def _there(self, arrived: Action) -> None:
        self.calls += 1
        self._proxy.compute(self._costs.proxy, lambda: self._events.after(self._half, arrived))

    def _back(self, result: Any, then: Callable[[Any], None]) -> None:
        self._events.after(self._half, lambda: then(result))
