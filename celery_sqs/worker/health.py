"""Health: whether the worker polls, and an end to one that cannot recover."""

import logging
import os
import threading
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

from celery_sqs.consume.in_flight import InFlight
from celery_sqs.metrics import HealthGauges
from celery_sqs.settings import LOOPBACK
from celery_sqs.worker.health_server import HealthServer

logger = logging.getLogger(__name__)

#: Seconds without the end of a poll. A long poll takes 20, and a failing one gives up soon after.
UNHEALTHY_AFTER: Final = 60.0

#: Seconds after which the process ends, so that whoever supervises it starts another: every poll has
#: a time limit, so by then the threads are gone or stuck where no limit reaches.
HOPELESS_AFTER: Final = 180.0

LOOK_EVERY: Final = 5.0  # seconds

EXIT_CODE: Final = os.EX_SOFTWARE


class Watched(Protocol):
    """What Health asks of a receiver."""

    @property
    def idle_seconds(self) -> float:
        """Seconds since a poll last ended, with whatever answer; 0 while there is no room for one."""


class Health:
    """Watches over the receivers of a worker.

    Args:
        in_flight: what is not settled yet.
        receivers: those that are to poll, by queue.
        port: where to answer `GET /healthz` and `GET /metrics`; 0 for nowhere.
        host: the address to listen on.
        hopeless_after: seconds of silence after which the process ends.
        look_every: seconds between two looks.
    """

    def __init__(
        self,
        in_flight: InFlight,
        receivers: Mapping[str, Watched],
        port: int,
        host: str = LOOPBACK,
        hopeless_after: float = HOPELESS_AFTER,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._in_flight = in_flight
        self._receivers = receivers
        self._address = (host, port)
        self._gauges = HealthGauges(self.report)
        self._hopeless_after = hopeless_after
        self._look_every = look_every
        self._server: HealthServer | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to watch and to answer."""
        threading.Thread(target=self._run, name="sqs-watchdog", daemon=True).start()
        if self._address[1]:
            self._serve()

    def _serve(self) -> None:
        try:
            self._server = HealthServer(self._address, self.report)
        except OSError as error:
            logger.error("GET /healthz is not answered on %s port %d: %s", *self._address, error)
            return
        self._gauges.register()
        threading.Thread(target=self._server.serve_forever, name="sqs-health", daemon=True).start()

    def stop(self) -> None:
        """Watch and answer no more."""
        self._stopped.set()
        if self._server is not None:
            self._gauges.unregister()
            self._server.shutdown()
            self._server.server_close()

    def report(self) -> dict[str, Any]:
        """The numbers: seconds since the last poll ended, messages in flight, the age of the oldest, an outage."""
        now = time.monotonic()
        ages = [now - delivery.received_at for delivery in self._in_flight.all()]
        return {
            "healthy": self._silence() < UNHEALTHY_AFTER,
            "seconds_since_last_poll": round(self._silence(), 1),
            "outage": self._in_flight.suspended,
            "in_flight": len(ages),
            "oldest_in_flight_seconds": round(max(ages, default=0.0), 1),
        }

    def _silence(self) -> float:
        return max((receiver.idle_seconds for receiver in list(self._receivers.values())), default=0.0)

    def _run(self) -> None:
        while not self._stopped.wait(self._look_every):
            silence = self._silence()
            if silence >= self._hopeless_after:
                logger.critical("no poll has ended for %.0f s: this process ends", silence)
                # Not sys.exit: that ends a thread, and the main one may be what is stuck. SQS hands
                # what is in flight to others.
                os._exit(EXIT_CODE)
