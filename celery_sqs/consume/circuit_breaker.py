"""The circuit breaker: while what the tasks depend on is away, the worker keeps what is in flight, and waits.

Nothing is received to be run meanwhile, and nothing is run, so an outage costs no message a receive beyond the one
it has had, however long it lasts (up to the 12 hours that SQS allows a lease).
"""

import logging
from collections.abc import Callable
from typing import Final

from celery_sqs import system
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.retry import pause
from celery_sqs.threads import Guarded
from celery_sqs.throttled_log import REMINDER, ThrottledLog, kind_of

logger = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.2  # seconds before the second probe, at the most; doubles from there
LONGEST_PAUSE: Final = 3.0  # seconds

#: Probes in a row that succeed while messages go on failing, after which that is worth a line.
WARN_AFTER: Final = 5

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
        self._lock = system.threading.Lock()
        self._probes: dict[str, Callable[[], bool]] = {}
        self._opened_at = 0.0
        self._closed_at = float("-inf")
        self._tries = 0
        self._stopped = system.threading.Event()
        text = "what a task depends on is away: nothing is received until it is back"
        self._away = ThrottledLog(logger, text, REMINDER)

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
            self._opened_at = system.time.monotonic()
            if self._opened_at - self._closed_at > STABLE_AFTER:
                self._tries = 0
            # First, as it may fail: without a prober the circuit would stay open for ever.
            Guarded(self._run, name="sqs-prober").start()
            self._in_flight.suspend(True)

    def stop(self) -> None:
        """Probe no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            if self._tries and self._stopped.wait(pause(self._tries, FIRST_PAUSE, LONGEST_PAUSE)):
                return
            self._tries += 1
            suspects = dict(self._probes)
            for task, probe in suspects.items():
                if self._answers(task, probe):
                    with self._lock:
                        self._probes.pop(task, None)
            if self._tries == WARN_AFTER and not self._probes:
                text = "%s goes on failing as in an outage although the probe succeeds: what failed is run again"
                logger.warning(text, ", ".join(suspects))
            if self._close():
                if self._away.end():
                    text = "all is back after %.1f s: %d messages in flight are run now"
                    logger.warning(text, self._closed_at - self._opened_at, len(self._in_flight))
                self._on_close()
                return

    def _answers(self, task: str, probe: Callable[[], bool]) -> bool:
        try:
            is_back = probe()
        # A probe that fails in a way of its own has not answered either.
        except Exception as error:
            self._away.error(f"{task}: its probe failed: {error!r}", (task, kind_of(error)), error)
            return False
        if not is_back:
            self._away.error(task, task)
        return is_back

    def _close(self) -> bool:
        """Close it, if everything has answered."""
        with self._lock:
            if self._probes:
                return False
            self._closed_at = system.time.monotonic()
            self._in_flight.suspend(False)
            return True
