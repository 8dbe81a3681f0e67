"""Who may use the workbench: names and passwords from the settings, and how often one may guess."""

import hashlib
import hmac
import math
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Final

from celery_sqs import system

#: Failures that one address may have with one name, and with all names together, within the window. A name
#: that is guessed from elsewhere must not lock out its owner, so an address always belongs to it.
MAX_FAILURES: Final = 5
MAX_FAILURES_OF_ADDRESS: Final = 50
WINDOW: Final = 60.0  # seconds

#: Pairs of address and name that are remembered; the longest untouched one goes first.
MAX_REMEMBERED: Final = 10_000


class TooManyFailures(Exception):
    """Nobody is let in for now, with the right password neither.

    Attributes:
        retry_after: seconds until the next try counts.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many failures; the next try counts in {retry_after} s")
        self.retry_after = retry_after


class Operators:
    """The operators, and a key for what is signed for them.

    Args:
        passwords: by name.
        secret: a secret of the installation. Keys are derived from it; it is used for nothing else here.
        clock: seconds that only go on; for tests.
    """

    def __init__(
        self, passwords: Mapping[str, str], secret: str, clock: Callable[[], float] = system.time.monotonic
    ) -> None:
        self._key = hmac.digest(secret.encode(), b"celery-sqs: operators of the workbench", hashlib.sha256)
        # Compared by digests under a key of this process: they are all of one length, whatever is guessed.
        self._compared_with = secrets.token_bytes(32)
        self._known = {name: (self._digest(name), self._digest(password)) for name, password in passwords.items()}
        self._marks = {name: self._mark_of(name, password) for name, password in passwords.items()}
        self._failures = _Failures(clock)

    @property
    def session_key(self) -> bytes:
        """The key that sessions are signed with: the same in all processes of the installation."""
        return hmac.digest(self._key, b"session", hashlib.sha256)

    def identify(self, name: str, password: str, address: str) -> str | None:
        """The operator's name, or None where name and password do not go together.

        A name that nobody has takes as long as one that somebody has.

        Args:
            name: as given.
            password: as given.
            address: where the request comes from.

        Raises:
            TooManyFailures: there were too many from there lately.
        """
        # Counted before it is compared, so that many at once are no more than one after another.
        self._failures.count(address, name)
        given_name, given_password = self._digest(name), self._digest(password)
        found = None
        for operator, (known_name, known_password) in self._known.items():
            is_name = hmac.compare_digest(known_name, given_name)
            is_password = hmac.compare_digest(known_password, given_password)
            if is_name & is_password:
                found = operator
        if found is not None:
            self._failures.forget(address, name)
        return found

    def mark(self, name: str) -> str:
        """What a session of an operator carries: it changes with the password. Empty for an unknown name."""
        return self._marks.get(name, "")

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._compared_with, text.encode("utf-8", "backslashreplace"), hashlib.sha256)

    def _mark_of(self, name: str, password: str) -> str:
        return hmac.new(self._key, f"mark:{name}:{password}".encode(), hashlib.sha256).hexdigest()[:32]


class _Failures:
    """When who failed, for as long as it matters. Of this process alone."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = system.threading.Lock()
        self._times: OrderedDict[tuple[str, str | None], deque[float]] = OrderedDict()

    def count(self, address: str, name: str) -> None:
        """Take a try for a failure; raises TooManyFailures where there is no room for one more."""
        limits = {(address, name): MAX_FAILURES, (address, None): MAX_FAILURES_OF_ADDRESS}
        with self._lock:
            now = self._clock()
            lately = {key: self._lately(key, now) for key in limits}
            full = [lately[key][0] for key, limit in limits.items() if len(lately[key]) >= limit]
            if full:
                raise TooManyFailures(math.ceil(max(full) + WINDOW - now))
            for key, times in lately.items():
                times.append(now)
                self._times[key] = times
                self._times.move_to_end(key)
            while len(self._times) > MAX_REMEMBERED:
                self._times.popitem(last=False)

    def forget(self, address: str, name: str) -> None:
        """It was none: the operator is in."""
        with self._lock:
            self._times.pop((address, name), None)
            of_address = self._times.get((address, None))
            if of_address:
                of_address.pop()

    def _lately(self, key: tuple[str, str | None], now: float) -> deque[float]:
        times = self._times.get(key, deque())
        while times and times[0] <= now - WINDOW:
            times.popleft()
        return times
