"""Asking a dependency whether it is there, without waiting for it longer than a probe may."""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Final

from celery_sqs import system

#: Seconds a dependency has to answer; orchestrators give a probe a second or two in all.
PROBE_TIMEOUT: Final = 1.0


class Probe:
    """A check that runs on a thread of its own, never twice at once.

    Args:
        check: says whether the dependency is there. It may hang; nobody waits for it then.
    """

    def __init__(self, check: Callable[[], bool]) -> None:
        self._check = check
        self._thread = system.futures.ThreadPoolExecutor(1, thread_name_prefix="sqs-probe")
        self._lock = system.threading.Lock()
        self._running: Future[bool] | None = None

    def healthy(self, timeout: float = PROBE_TIMEOUT) -> bool:
        """Whether the check says yes within `timeout` seconds."""
        with self._lock:
            if self._running is None or self._running.done():
                self._running = self._thread.submit(self._check)
            running = self._running
        try:
            return running.result(timeout)
        except FutureTimeout:
            return False
