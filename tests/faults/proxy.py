"""A proxy before the SQS emulator that misbehaves on demand.

It runs on a thread of the test. Each kind of misbehaviour is a context manager:

    with proxy.failing("ReceiveMessage", answers=500, share=0.3):
        ...

Names of actions limit it to these, none means all of them; `share` is the part of the calls it
befalls, drawn from a seeded generator; `times` is how many it befalls at the most. Several may be
on at a time: the one that was switched on first is the outermost.
"""

import asyncio
import contextlib
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from tests.faults import mischief
from tests.faults.exchange import Answer, Request
from tests.faults.listener import Listener
from tests.faults.mischief import Mischief, Proceed
from tests.faults.upstream import Upstream

LOG_LENGTH: Final = 5000  # calls

Switch = contextlib.AbstractContextManager[None]


class Call(NamedTuple):
    """A call that is over.

    Attributes:
        time: when it came; time.monotonic().
        action: the SQS action.
        outcome: the answer's status; 0 when the connection was closed without one.
        seconds: how long it took.
        troubled: whether some mischief befell it.
    """

    time: float
    action: str
    outcome: int
    seconds: float
    troubled: bool


class _Rule:
    """When a mischief befalls a call."""

    def __init__(self, actions: Sequence[str], share: float, times: int | None, mischief: Mischief) -> None:
        self.mischief = mischief
        self._actions = actions
        self._share = share
        self._left = times

    def befalls(self, action: str, dice: random.Random) -> bool:
        if (self._actions and action not in self._actions) or self._left == 0:
            return False
        if self._share < 1 and dice.random() >= self._share:
            return False
        if self._left is not None:
            self._left -= 1
        return True


class Proxy:
    """An HTTP proxy on a free port, loopback only.

    Args:
        upstream_url: the emulator.
        seed: of all that is left to chance.

    Attributes:
        url: its own address.
        calls: how many calls have come, by action.
        troubled: how many of these some mischief has befallen, by action.
        log: the last calls that are over.
    """

    def __init__(self, upstream_url: str, seed: int = 0) -> None:
        self.calls: Counter[str] = Counter()
        self.troubled: Counter[str] = Counter()
        self.log: deque[Call] = deque(maxlen=LOG_LENGTH)
        self._dice = random.Random(seed)
        self._rules: tuple[_Rule, ...] = ()
        self._switching = threading.Lock()  # by several threads at a time
        self._upstream = Upstream(upstream_url)
        self._listener = Listener(self._answer)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._do(self._listener.open())
        self.url = f"http://127.0.0.1:{self._listener.port}"

    def stop(self) -> None:
        """Close everything and end the thread."""
        self._do(self._listener.shut())
        self._do(self._upstream.close())
        self._listener.free()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def through(self, url: str) -> str:
        """A URL of the emulator, as it is called through the proxy."""
        return self.url + "/" + url.split("/", 3)[3]

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse connections, and reset those that there are."""
        self._do(self._listener.shut())
        try:
            yield
        finally:
            self._do(self._listener.open())

    def resetting(self, *actions: str, share: float = 1, times: int | None = None) -> Switch:
        """Reset connections instead of passing calls on."""
        return self._rule(actions, share, times, mischief.resetting())

    def delaying(self, *actions: str, seconds: float, share: float = 1, times: int | None = None) -> Switch:
        """Pass calls on later."""
        return self._rule(actions, share, times, mischief.delaying(seconds))

    def failing(
        self, *actions: str, answers: int = 500, share: float = 1, times: int | None = None, processed: bool = False
    ) -> Switch:
        """Answer with a status of 500 or more; the emulator hears of the call only if it is `processed`."""
        answer = mischief.server_error(answers)
        return self._rule(actions, share, times, mischief.answering([answer], processed=processed))

    def throttling(self, *actions: str, share: float = 1, times: int | None = None) -> Switch:
        """Answer that there were too many requests."""
        return self._rule(actions, share, times, mischief.answering([mischief.THROTTLED]))

    def expired(self, *actions: str, share: float = 1, times: int | None = None) -> Switch:
        """Answer that the credentials have expired."""
        return self._rule(actions, share, times, mischief.answering(mischief.EXPIRED))

    def babbling(
        self,
        *actions: str,
        answers: Sequence[Answer] = mischief.NONSENSE,
        share: float = 1,
        times: int | None = None,
        processed: bool = False,
    ) -> Switch:
        """Answer nonsense, one kind after the other."""
        return self._rule(actions, share, times, mischief.answering(answers, processed=processed))

    def losing(self, *actions: str, share: float = 1, times: int | None = None) -> Switch:
        """Pass calls on and close the connection instead of answering."""
        return self._rule(actions, share, times, mischief.losing())

    @contextlib.contextmanager
    def hanging(
        self, *actions: str, share: float = 1, times: int | None = None, processed: bool = False
    ) -> Iterator[None]:
        """Never answer; whoever still waits at the end of the block has the connection closed."""
        released = asyncio.Event()
        try:
            with self._rule(actions, share, times, mischief.hanging(released, processed=processed)):
                yield
        finally:
            self._loop.call_soon_threadsafe(released.set)

    def duplicating(self, share: float = 1, times: int | None = None) -> Switch:
        """Deliver each message twice in one answer."""
        return self._rule(("ReceiveMessage",), share, times, mischief.duplicating())

    def replaying(self, share: float = 1, times: int | None = None) -> Switch:
        """Deliver messages once more in the answer to the next call, which may be another worker's."""
        return self._rule(("ReceiveMessage",), share, times, mischief.replaying())

    def corrupting(self, share: float = 1, times: int | None = None) -> Switch:
        """Break the bodies of delivered messages."""
        return self._rule(("ReceiveMessage",), share, times, mischief.corrupting(self._dice))

    @contextlib.contextmanager
    def _rule(self, actions: Sequence[str], share: float, times: int | None, mischief: Mischief) -> Iterator[None]:
        rule = _Rule(actions, share, times, mischief)
        # Replaced, never changed: the proxy's thread may be looking at it.
        with self._switching:
            self._rules += (rule,)
        try:
            yield
        finally:
            with self._switching:
                self._rules = tuple(other for other in self._rules if other is not rule)

    async def _answer(self, request: Request) -> Answer:
        action, started, status = request.action, time.monotonic(), 0
        self.calls[action] += 1
        befalling = [rule.mischief for rule in self._rules if rule.befalls(action, self._dice)]
        self.troubled[action] += bool(befalling)
        proceed: Proceed = self._upstream.call
        for each in reversed(befalling):
            proceed = partial(each, proceed=proceed)
        try:
            answer = await proceed(request)
            status = answer.status
        finally:
            self.log.append(Call(started, action, status, time.monotonic() - started, bool(befalling)))
        return answer

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the proxy's thread and wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
