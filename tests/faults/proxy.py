"""A proxy before the SQS emulator that injects faults into calls.

It runs on a thread of the test. Each kind of fault is a context manager:

    with proxy.failing("ReceiveMessage", status=500, share=0.3):
        ...

Names of actions limit it to these, none means all of them; `share` is the part of the calls that it hits, drawn from
a seeded generator; `times` is how many it hits at the most. Several may be active at a time: the first one is the
outermost.
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

from tests.faults import interceptors
from tests.faults.http_messages import Request, Response
from tests.faults.interceptors import Interceptor, Proceed
from tests.faults.listener import Listener
from tests.faults.upstream import Upstream

LOG_LENGTH: Final = 5000  # calls

Injection = contextlib.AbstractContextManager[None]


class RecordedCall(NamedTuple):
    """A call that has ended.

    Attributes:
        time: when it arrived; time.monotonic().
        action: the SQS action.
        status: of the response; 0 when the connection was closed without one.
        seconds: how long it took.
        faulty: whether a fault was injected.
    """

    time: float
    action: str
    status: int
    seconds: float
    faulty: bool


class _Rule:
    """Which calls an interceptor gets."""

    def __init__(self, actions: Sequence[str], share: float, times: int | None, interceptor: Interceptor) -> None:
        self.interceptor = interceptor
        self._actions = actions
        self._share = share
        self._remaining = times

    def applies(self, action: str, rng: random.Random) -> bool:
        if (self._actions and action not in self._actions) or self._remaining == 0:
            return False
        if self._share < 1 and rng.random() >= self._share:
            return False
        if self._remaining is not None:
            self._remaining -= 1
        return True


class Proxy:
    """An HTTP proxy on a free port, loopback only.

    Args:
        upstream_url: the emulator.
        seed: of its random numbers.

    Attributes:
        url: its own address.
        calls: how many calls have arrived, by action.
        faulty: into how many of these a fault was injected, by action.
        sent: how many messages the calls were to send.
        expired: how many messages were deleted as too old.
        log: the last calls that have ended.
    """

    def __init__(self, upstream_url: str, seed: int = 0) -> None:
        self.calls: Counter[str] = Counter()
        self.faulty: Counter[str] = Counter()
        self.sent = 0
        self.expired = 0
        self.log: deque[RecordedCall] = deque(maxlen=LOG_LENGTH)
        self._rng = random.Random(seed)
        self._rules: tuple[_Rule, ...] = ()
        self._rules_lock = threading.Lock()
        self._upstream = Upstream(upstream_url)
        self._listener = Listener(self._handle)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._run(self._listener.open())
        self.url = f"http://127.0.0.1:{self._listener.port}"

    def stop(self) -> None:
        """Close everything and end the thread."""
        self._run(self._listener.close())
        self._run(self._upstream.close())
        self._listener.release_port()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def through(self, url: str) -> str:
        """A URL of the emulator, with the proxy's address."""
        return self.url + "/" + url.split("/", 3)[3]

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse connections, and reset those that there are."""
        self._run(self._listener.close())
        try:
            yield
        finally:
            self._run(self._listener.open())

    def resetting(self, *actions: str, share: float = 1, times: int | None = None) -> Injection:
        """Reset connections instead of passing calls on."""
        return self._rule(actions, share, times, interceptors.resetting())

    def delaying(self, *actions: str, seconds: float, share: float = 1, times: int | None = None) -> Injection:
        """Pass calls on later."""
        return self._rule(actions, share, times, interceptors.delaying(seconds))

    def failing(
        self, *actions: str, status: int = 500, share: float = 1, times: int | None = None, processed: bool = False
    ) -> Injection:
        """Respond with a status of 500 or more; the emulator gets the call only if it is to be `processed`."""
        response = interceptors.server_error(status)
        return self._rule(actions, share, times, interceptors.responding([response], processed=processed))

    def throttling(self, *actions: str, share: float = 1, times: int | None = None) -> Injection:
        """Respond that there were too many requests."""
        return self._rule(actions, share, times, interceptors.responding([interceptors.THROTTLED]))

    def expired_credentials(self, *actions: str, share: float = 1, times: int | None = None) -> Injection:
        """Respond that the credentials have expired."""
        return self._rule(actions, share, times, interceptors.responding(interceptors.EXPIRED))

    def malformed(
        self,
        *actions: str,
        responses: Sequence[Response] = interceptors.MALFORMED,
        share: float = 1,
        times: int | None = None,
        processed: bool = False,
    ) -> Injection:
        """Send malformed responses, one kind after the other."""
        return self._rule(actions, share, times, interceptors.responding(responses, processed=processed))

    def losing_responses(self, *actions: str, share: float = 1, times: int | None = None) -> Injection:
        """Pass calls on, and close the connection instead of sending the response."""
        return self._rule(actions, share, times, interceptors.losing_responses())

    @contextlib.contextmanager
    def hanging(
        self, *actions: str, share: float = 1, times: int | None = None, processed: bool = False
    ) -> Iterator[None]:
        """Send no response; the connections of clients that still wait at the end of the block are closed."""
        released = asyncio.Event()
        try:
            with self._rule(actions, share, times, interceptors.hanging(released, processed=processed)):
                yield
        finally:
            self._loop.call_soon_threadsafe(released.set)

    def duplicating(self, share: float = 1, times: int | None = None) -> Injection:
        """Deliver each message twice in one response."""
        return self._rule(("ReceiveMessage",), share, times, interceptors.duplicating())

    def replaying(self, share: float = 1, times: int | None = None) -> Injection:
        """Deliver messages once more in the response to the next call, which may be another worker's."""
        return self._rule(("ReceiveMessage",), share, times, interceptors.replaying())

    def corrupting(self, share: float = 1, times: int | None = None) -> Injection:
        """Corrupt the bodies of delivered messages."""
        return self._rule(("ReceiveMessage",), share, times, interceptors.corrupting(self._rng))

    def expiring(self, queue_name: str, retention: float) -> Injection:
        """Delete what is older than the queue's retention, in seconds, where it would be delivered."""

        def count() -> None:
            self.expired += 1

        interceptor = interceptors.expiring(queue_name, retention, count)
        return self._rule(("ReceiveMessage",), 1, None, interceptor)

    @contextlib.contextmanager
    def _rule(
        self, actions: Sequence[str], share: float, times: int | None, interceptor: Interceptor
    ) -> Iterator[None]:
        rule = _Rule(actions, share, times, interceptor)
        # The tuple is replaced, never changed: the proxy's thread may be iterating over it.
        with self._rules_lock:
            self._rules += (rule,)
        try:
            yield
        finally:
            with self._rules_lock:
                self._rules = tuple(other for other in self._rules if other is not rule)

    async def _handle(self, request: Request) -> Response:
        action, started, status = request.action, time.monotonic(), 0
        self.calls[action] += 1
        self.sent += _messages_to_send(request)
        applied = [rule.interceptor for rule in self._rules if rule.applies(action, self._rng)]
        self.faulty[action] += bool(applied)
        proceed: Proceed = self._upstream.call
        for each in reversed(applied):
            proceed = partial(each, proceed=proceed)
        try:
            response = await proceed(request)
            status = response.status
        finally:
            self.log.append(RecordedCall(started, action, status, time.monotonic() - started, bool(applied)))
        return response

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the proxy's thread and wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def _messages_to_send(request: Request) -> int:
    if request.action == "SendMessageBatch":
        return len(request.parameters().get("Entries", []))
    return int(request.action == "SendMessage")
