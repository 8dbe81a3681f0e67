"""Health: whether the worker polls, for an orchestrator to ask, and an end to one that cannot recover."""

import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Protocol

from tasks.sqs.held import Held

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
        held: what the worker holds.
        receivers: those that are to poll, by queue.
        port: where to answer `GET /healthz`, on loopback; 0 for nowhere.
        hopeless_after: seconds of silence after which the process ends.
        look_every: seconds between two looks.
    """

    def __init__(
        self,
        held: Held,
        receivers: Mapping[str, Watched],
        port: int,
        hopeless_after: float = HOPELESS_AFTER,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._held = held
        self._receivers = receivers
        self._port = port
        self._hopeless_after = hopeless_after
        self._look_every = look_every
        self._server: ThreadingHTTPServer | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to watch and to answer."""
        threading.Thread(target=self._watch, name="sqs-watchdog", daemon=True).start()
        if self._port:
            self._serve()

    def _serve(self) -> None:
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        except OSError as error:
            logger.error("health is not told on port %d: %s", self._port, error)
            return
        threading.Thread(target=self._server.serve_forever, name="sqs-health", daemon=True).start()

    def stop(self) -> None:
        """Watch and answer no more."""
        self._stopped.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def report(self) -> dict[str, Any]:
        """The numbers: seconds since the last poll ended, messages held, how long the oldest is, an outage."""
        now = time.monotonic()
        held = self._held.all()
        return {
            "healthy": self._silence() < UNHEALTHY_AFTER,
            "seconds_since_last_poll": round(self._silence(), 1),
            "outage": self._held.suspended,
            "held": len(held),
            "oldest_held_seconds": round(max((now - delivery.received_at for delivery in held), default=0.0), 1),
        }

    def _silence(self) -> float:
        return max((receiver.idle_seconds for receiver in list(self._receivers.values())), default=0.0)

    def _watch(self) -> None:
        while not self._stopped.wait(self._look_every):
            silence = self._silence()
            if silence >= self._hopeless_after:
                logger.critical("no poll has ended for %.0f s: this process ends", silence)
                # Not sys.exit: that ends a thread, and the main one may be what is stuck. SQS hands
                # what we hold to others.
                os._exit(EXIT_CODE)


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            report = health.report()
            body = json.dumps(report).encode()
            self.send_response(HTTPStatus.OK if report["healthy"] else HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Probes are not worth a line."""

    return Handler
