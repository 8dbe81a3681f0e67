"""The circuit breaker: while what the tasks depend on is away, the worker keeps what is in flight, and waits.

Nothing is received to be run meanwhile, and nothing is run, so an outage costs no message a receive beyond the one
it has had, however long it lasts (up to the 12 hours that SQS allows a lease).
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from celery_sqs.consume.in_flight import InFlight
from celery_sqs.retry import pause

logger = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.2  # seconds before the second probe, at the most; doubles from there
LONGEST_PAUSE: Final = 3.0  # seconds

#: Seconds without an outage after which the next one's first pause is short again. A dependency that
#: answers the probe and fails the tasks would else be asked without a pause.
STABLE_AFTER: Final = 10.0


class CircuitBreaker:
    """Opened by an outage; closed by its own probes of what the tasks depend on.

    Args:
        in_flight: takes nothing in while it is open.
        on_close: called on the prober's thread when everything answers again.
    """

    def __init__(self, in_flight: InFlight, on_close: Callable[[], None]) -> None:
        self._in_flight = in_flight
        self._on_close = on_close
        self._lock = threading.Lock()
        self._probes: dict[str, Callable[[], bool]] = {}
        self._opened_at = 0.0
        self._closed_at = float("-inf")
        self._tries = 0
        self._stopped = threading.Event()

    @property
    def is_open(self) -> bool:
        """Whether there is an outage."""
        return self._in_flight.suspended

    def trip(self, task: str, probe: Callable[[], bool]) -> None:
        """Wait until what a task depends on has answered.

        Args:
            task: its name.
            probe: asks it; on a thread of its own, so it may take a few seconds.
        """
        with self._lock:
            self._probes[task] = probe
            if self.is_open or self._stopped.is_set():
                return
            self._in_flight.suspend(True)
            self._opened_at = time.monotonic()
            if self._opened_at - self._closed_at > STABLE_AFTER:
                self._tries = 0
            threading.Thread(target=self._run, name="sqs-prober", daemon=True).start()

    def stop(self) -> None:
        """Probe no more."""
        self._stopped.set()

    def _run(self) -> None:
        logged = False
        while not self._stopped.is_set():
            if self._tries and self._stopped.wait(pause(self._tries, FIRST_PAUSE, LONGEST_PAUSE)):
                return
            self._tries += 1
            for task, probe in list(self._probes.items()):
                if _answers(probe):
                    with self._lock:
                        self._probes.pop(task)
                elif not logged:
                    logged = True
                    logger.error("what %s depends on is away: nothing is received until it is back", task)
            if self._close():
                if logged:
                    text = "all is back after %.1f s: %d messages in flight are run now"
                    logger.warning(text, self._closed_at - self._opened_at, len(self._in_flight))
                self._on_close()
                return

    def _close(self) -> bool:
        """Close it, if everything has answered."""
        with self._lock:
            if self._probes:
                return False
            self._closed_at = time.monotonic()
            self._in_flight.suspend(False)
            return True


def _answers(probe: Callable[[], bool]) -> bool:
    try:
        return probe()
    # A probe that fails in a way of its own has not answered; without this thread nothing would go on.
    except Exception:
        logger.exception("the probe of a dependency failed")
        return False
