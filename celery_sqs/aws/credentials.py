"""Credentials by boto3's chain, looked for again while there are none."""

from collections.abc import Callable
from typing import Final, Protocol

from botocore.credentials import ReadOnlyCredentials

from celery_sqs import system
from celery_sqs.errors import CallFailed

#: Seconds between two looks. A look may ask a metadata service, and wait for it for two seconds.
LOOK_EVERY: Final = 2.0


class Found(Protocol):
    """botocore's credentials, which it refreshes itself."""

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Those that are valid now."""


class Credentials:
    """Gives the credentials that are valid now, to any number of threads. The first look is made at once.

    A container's or machine's metadata service may come up after the process.

    Args:
        find: looks in all places, anew each time; None where there are none.
        look_every: seconds between two looks.
    """

    def __init__(self, find: Callable[[], Found | None], look_every: float = LOOK_EVERY) -> None:
        self._find = find
        self._look_every = look_every
        self._looking = system.threading.Lock()
        self._found: Found | None = None
        self._error = ""
        self._looked_at = 0.0
        self._look()

    def __call__(self) -> ReadOnlyCredentials:
        """The credentials.

        Raises:
            CallFailed: there are none, yet.
        """
        # One thread looks; the others, who may be about to answer a request, do not wait for it.
        if self._found is None and self._looking.acquire(blocking=False):
            try:
                if system.time.monotonic() - self._looked_at >= self._look_every:
                    self._look()
            finally:
                self._looking.release()
        if self._found is None:
            raise CallFailed(f"boto3 finds no credentials{self._error}")
        try:
            return self._found.get_frozen_credentials()
        # They have expired, and the place where they were found gives out no others. botocore asks it at each call.
        except Exception as error:
            raise CallFailed(f"boto3 cannot refresh its credentials: {type(error).__name__}: {error}") from error

    def _look(self) -> None:
        try:
            self._found = self._find()
            self._error = ""
        # A place that does not give them out, or answers with anything.
        except Exception as error:
            self._error = f": {type(error).__name__}: {error}"
        self._looked_at = system.time.monotonic()
