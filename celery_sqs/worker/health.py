"""Health: whether the event loop runs and the worker receives, and an end to one that cannot recover."""

import logging
import os
import signal
from collections.abc import Mapping
from typing import Any, Final, Protocol

from billiard import active_children

from celery_sqs import system
from celery_sqs.consume.heartbeat import STOPPED_AFTER, Heartbeat
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.standstill import STANDSTILL_AFTER, Standstill
from celery_sqs.metrics import HealthGauges
from celery_sqs.settings import LOOPBACK
from celery_sqs.threads import Guarded
from celery_sqs.throttled_log import REMINDER, ThrottledLog
from celery_sqs.worker.health_server import HealthServer

logger = logging.getLogger(__name__)

#: Seconds without a poll that SQS has answered. A long poll takes 20.
UNHEALTHY_AFTER: Final = 60.0

#: Seconds without the end of a poll, or without a beat of the event loop, after which the process ends, so that
#: whoever supervises it starts another. Every poll has a time limit, so by then threads are stuck where no limit
#: reaches. Polls that fail are no reason: a restart fixes nothing about SQS.
WATCHDOG_TIMEOUT: Final = 180.0

LOOK_EVERY: Final = 5.0  # seconds

#: Looks in a row that have to find it exceeded. After a suspension of the process one look comes before all else.
WATCHDOG_LOOKS: Final = 2

LAST_LINE_TIMEOUT: Final = 2.0  # seconds to log why the process ends: the log may be what is stuck

MAX_REASON: Final = 200  # characters of an error that `GET /healthz` shows

EXIT_CODE: Final = os.EX_SOFTWARE


class ReceiverHealth(Protocol):
    """What Health asks of a receiver.

    Attributes:
        last_error: what the last poll failed with; None where it succeeded.
    """

    last_error: Exception | None

    @property
    def is_paused(self) -> bool:
        """Whether its queue is paused, so that nothing is to be received."""

    @property
    def seconds_since_end(self) -> float:
        """Seconds since a poll last ended, with whatever answer; 0 while there is no room for one."""

    @property
    def seconds_since_success(self) -> float:
        """Seconds since SQS last answered a poll; 0 while there is no room for one."""


class Health:
    """Checks the event loop and the receivers of a worker.

    Args:
        in_flight: what is not settled yet.
        receivers: those that are to poll, by queue.
        heartbeat: of the event loop.
        port: where to answer `GET /healthz` and `GET /metrics`; 0 for nowhere.
        host: the address to listen on.
        standstill: of what waits to begin; None: not known.
        watchdog_timeout: seconds without a beat, or the end of a poll, after which the process ends.
        look_every: seconds between two looks.
    """

    def __init__(
        self,
        in_flight: InFlight,
        receivers: Mapping[str, ReceiverHealth],
        heartbeat: Heartbeat,
        port: int,
        host: str = LOOPBACK,
        standstill: Standstill | None = None,
        watchdog_timeout: float = WATCHDOG_TIMEOUT,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._in_flight = in_flight
        self._receivers = receivers
        self._heartbeat = heartbeat
        self._standstill = standstill or Standstill(in_flight)
        self._address = (host, port)
        self._gauges = HealthGauges(self.report)
        self._watchdog_timeout = watchdog_timeout
        self._look_every = look_every
        self._standstill_log = ThrottledLog(logger, "this worker is at a standstill", REMINDER)
        self._server: HealthServer | None = None
        self._stopped = system.threading.Event()

    def start(self) -> None:
        """Begin to check and to answer."""
        Guarded(self._run, name="sqs-watchdog").start()
        if self._address[1]:
            self._listen()

    def _listen(self) -> None:
        try:
            self._server = HealthServer(self._address, self.report)
        except OSError as error:
            logger.error("GET /healthz is not answered on %s port %d: %s", *self._address, error)
            return
        self._gauges.register()
        Guarded(self._serve, self._server, name="sqs-health").start()

    def _serve(self, server: HealthServer) -> None:
        if not self._stopped.is_set():
            server.serve_forever()

    def stop(self) -> None:
        """Check and answer no more."""
        self._stopped.set()
        self._heartbeat.end()
        if self._server is not None:
            self._gauges.unregister()
            self._server.shutdown()
            self._server.server_close()

    def report(self) -> dict[str, Any]:
        """What `GET /healthz` answers; celery_sqs/README.md explains each field."""
        now = system.time.monotonic()
        deliveries = self._in_flight.all()
        ages = [now - delivery.received_at for delivery in deliveries]
        beat_age, receivers = self._heartbeat.age, list(self._receivers.values())
        poll_age = max((receiver.seconds_since_success for receiver in receivers), default=0.0)
        error = next((_line(receiver.last_error) for receiver in receivers if receiver.last_error), None)
        reasons = []
        if beat_age >= STOPPED_AFTER:
            reasons.append(f"the event loop has not run for {beat_age:.0f} s")
        if poll_age >= UNHEALTHY_AFTER:
            reasons.append(f"no poll has succeeded for {poll_age:.0f} s: {error or 'none has ended'}")
        standstill = self._standstill.age
        if stalled := self._stalled_reason(standstill):
            reasons.append(stalled)
        return {
            "healthy": not reasons,
            "reason": "; ".join(reasons) or None,
            "seconds_since_last_poll": round(poll_age, 1),
            "last_error": error,
            "seconds_since_heartbeat": round(beat_age, 1),
            "standstill_seconds": round(standstill, 1),
            "outage": self._in_flight.suspended,
            "renewed_at": self._in_flight.renewed_at,
            "paused": {queue: receiver.is_paused for queue, receiver in list(self._receivers.items())},
            "in_flight": len(ages),
            "oldest_in_flight_seconds": round(max(ages, default=0.0), 1),
            "queues": {
                name: _of_queue(receiver, [now - each.received_at for each in deliveries if each.queue == name])
                for name, receiver in list(self._receivers.items())
            },
        }

    def _stalled_reason(self, age: float) -> str | None:
        """Why nothing can begin; None while something may."""
        is_stalled = age >= STANDSTILL_AFTER
        return f"nothing could begin for {age:.0f} s: {self._standstill.waiting}" if is_stalled else None

    def _run(self) -> None:
        looks = 0
        while not self._stopped.wait(self._look_every):
            if stalled := self._stalled_reason(self._standstill.age):
                self._standstill_log.error(stalled)
            else:
                self._standstill_log.end()
            reason = self._hung()
            looks = looks + 1 if reason else 0
            if reason and looks >= WATCHDOG_LOOKS:
                _end(reason)

    def _hung(self) -> str | None:
        """Why this process has to be replaced; None if it need not be."""
        beat_age = self._heartbeat.age
        if beat_age >= self._watchdog_timeout:
            return f"the event loop has not run for {beat_age:.0f} s"
        silence = max((receiver.seconds_since_end for receiver in list(self._receivers.values())), default=0.0)
        return f"no poll has ended for {silence:.0f} s" if silence >= self._watchdog_timeout else None


def _of_queue(receiver: ReceiverHealth, ages: list[float]) -> dict[str, Any]:
    return {
        "seconds_since_last_poll": round(receiver.seconds_since_success, 1),
        "in_flight": len(ages),
        "oldest_in_flight_seconds": round(max(ages, default=0.0), 1),
    }


def _line(error: Exception) -> str:
    """An error in a line that fits an answer."""
    return f"{type(error).__name__}: {error}".partition("\n")[0][:MAX_REASON]


def _end(reason: str) -> None:
    """End the process and its pool's, whatever is stuck in them. SQS hands what is in flight to others."""
    try:
        last_line = system.threading.Thread(target=logger.critical, args=("%s: this process ends", reason), daemon=True)
        last_line.start()
        last_line.join(LAST_LINE_TIMEOUT)
        for pid in (child.pid for child in active_children() if child.pid):
            os.kill(pid, signal.SIGKILL)  # one that waits for the same log would stay behind
    finally:
        # Not sys.exit: that ends a thread, and the main one may be what is stuck.
        os._exit(EXIT_CODE)
