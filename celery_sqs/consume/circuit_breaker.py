"""Outages: while what the tasks depend on is away, the worker keeps what it holds, and waits.

Nothing is received meanwhile and nothing is run, so an outage costs no message a receive beyond the one
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
    """Whether the worker has to wait, and who finds out that it need not any more.

    Args:
        held: takes nothing in during an outage.
        on_back: called on the prober's thread when everything is back.
    """

    def __init__(self, held: InFlight, on_back: Callable[[], None]) -> None:
        self._held = held
        self._on_back = on_back
        self._lock = threading.Lock()
        self._suspects: dict[str, Callable[[], bool]] = {}
        self._began_at = 0.0
        self._ended_at = float("-inf")
        self._probes = 0
        self._stopped = threading.Event()

    @property
    def is_on(self) -> bool:
        """Whether there is one."""
        return self._held.suspended

    def trip(self, task: str, is_back: Callable[[], bool]) -> None:
        """Wait until what a task depends on has answered.

        Args:
            task: its name.
            is_back: asks it; on a thread of its own, so it may take a few seconds.
        """
        with self._lock:
            self._suspects[task] = is_back
            if self.is_on or self._stopped.is_set():
                return
            self._held.suspend(True)
            self._began_at = time.monotonic()
            if self._began_at - self._ended_at > STABLE_AFTER:
                self._probes = 0
            threading.Thread(target=self._probe, name="sqs-outage", daemon=True).start()

    def stop(self) -> None:
        """Probe no more."""
        self._stopped.set()

    def _probe(self) -> None:
        told = False
        while not self._stopped.is_set():
            if self._probes and self._stopped.wait(pause(self._probes, FIRST_PAUSE, LONGEST_PAUSE)):
                return
            self._probes += 1
            for task, is_back in list(self._suspects.items()):
                if _answers(is_back):
                    with self._lock:
                        self._suspects.pop(task)
                elif not told:
                    told = True
                    logger.error("what %s depends on is away: nothing is received until it is back", task)
            if self._is_over():
                if told:
                    text = "all is back after %.1f s: %d messages are run that were held"
                    logger.warning(text, self._ended_at - self._began_at, len(self._held))
                self._on_back()
                return

    def _is_over(self) -> bool:
        with self._lock:
            if self._suspects:
                return False
            self._ended_at = time.monotonic()
            self._held.suspend(False)
            return True


def _answers(is_back: Callable[[], bool]) -> bool:
    try:
        return is_back()
    # A probe that fails in a way of its own has not answered; without this thread nothing would go on.
    except Exception:
        logger.exception("the probe of a dependency failed")
        return False
