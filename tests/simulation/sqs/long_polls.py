"""Calls to a simulated SQS in real time: a long poll waits for its first message, and who waits longest gets it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.sqs.refusal import Refused
from tests.simulation.sqs.service import SimulatedSQS

#: Takes a call's answer, or its refusal.
Respond = Callable[[dict[str, Any] | Refused], None]


@dataclass(eq=False)
class _LongPoll:
    parameters: dict[str, Any]
    respond: Respond
    end: asyncio.TimerHandle


class LongPolls:
    """The calls, and the long polls that wait. For one event loop, by whose `time.time` the SQS has its time.

    Args:
        sqs: what is called.
        clock: that of `sqs`.
        loop: where polls wait.
    """

    def __init__(self, sqs: SimulatedSQS, clock: Callable[[], float], loop: asyncio.AbstractEventLoop) -> None:
        self._sqs = sqs
        self._clock = clock
        self._loop = loop
        self._waiting: dict[str, list[_LongPoll]] = {}  # by the queue's URL
        self._next: asyncio.TimerHandle | None = None

    def call(self, action: str, parameters: dict[str, Any], respond: Respond) -> Callable[[], None] | None:
        """Make a call, whose answer comes now or later; returns what ends a poll that waits."""
        answer = self._answer(action, parameters)
        if action == "ReceiveMessage" and not answer and (seconds := self._sqs.wait(parameters)):
            return self._wait(parameters, seconds, respond)
        respond(answer)
        if self._waiting:
            self._serve()
        return None

    def _answer(self, action: str, parameters: dict[str, Any]) -> dict[str, Any] | Refused:
        try:
            return self._sqs.call(action, parameters)
        except Refused as refused:
            return refused

    def _wait(self, parameters: dict[str, Any], seconds: int, respond: Respond) -> Callable[[], None]:
        url = parameters["QueueUrl"]

        def end() -> None:
            self._remove(url, poll)
            respond({})

        poll = _LongPoll(parameters, respond, self._loop.call_later(seconds, end))
        self._waiting.setdefault(url, []).append(poll)
        self._schedule()
        return lambda: self._remove(url, poll)

    def _remove(self, url: str, poll: _LongPoll) -> None:
        poll.end.cancel()
        polls = self._waiting.get(url, [])
        if poll in polls:
            polls.remove(poll)
        if not polls:
            self._waiting.pop(url, None)

    def _serve(self) -> None:
        """Answer the polls for which there is something now."""
        for url, polls in list(self._waiting.items()):
            for poll in list(polls):
                if not self._has_something(url):
                    break
                if answer := self._answer("ReceiveMessage", poll.parameters):
                    self._remove(url, poll)
                    poll.respond(answer)
        self._schedule()

    def _has_something(self, url: str) -> bool:
        try:
            return self._sqs.visible(url) > 0
        except Refused:  # the queue is gone, which the poll is to know
            return True

    def _schedule(self) -> None:
        """Look again when time brings the next message."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        changes = [self._next_change(url) for url in self._waiting]
        earliest = min((change for change in changes if change is not None), default=None)
        if earliest is not None:
            self._next = self._loop.call_later(max(0.0, earliest - self._clock()), self._serve)

    def _next_change(self, url: str) -> float | None:
        try:
            return self._sqs.next_change(url)
        except Refused:
            return None
