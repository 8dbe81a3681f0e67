"""The threads of a worker: none of them ends before its work does, whatever it meets."""

import logging
from collections.abc import Callable
from typing import Any, Final

from celery_sqs import system
from celery_sqs.throttled_log import ThrottledLog, kind_of

logger = logging.getLogger(__name__)

#: Seconds between the error that a loop raises and its next beginning.
PAUSE: Final = 1.0


class Guarded:
    """A daemon thread whose loop is begun again when it raises, and ends when it returns.

    No error would show that a thread has ended, and without any one of ours a worker only looks alive.

    Args:
        loop: what to do; begun again, it returns at once where there is nothing left to do.
        args: its arguments.
        name: the thread's.
        pause: seconds between an error and the next beginning.
    """

    def __init__(self, loop: Callable[..., None], *args: Any, name: str, pause: float = PAUSE) -> None:
        self._thread = system.threading.Thread(target=self._run, name=name, daemon=True)
        self._loop = loop
        self._arguments = args
        self._pause = pause
        self._log = ThrottledLog(logger, f"the thread {name} begins again after an error")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, for so many seconds at the most; without end for None."""
        self._thread.join(timeout)

    def is_alive(self) -> bool:
        """Whether it has begun and not ended."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                self._loop(*self._arguments)
            # Also SystemExit, with which code of a host's would end the thread without a word.
            except BaseException as error:
                self._log.error(repr(error), kind_of(error), error)
            else:
                return
            system.time.sleep(self._pause)
