"""`GET /healthz`, for an orchestrator, and `GET /metrics`, for Prometheus, on one port of a worker."""

import contextlib
import json
import logging
import socket
import socketserver
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from celery_sqs import system
from celery_sqs.metrics import exposition

logger = logging.getLogger(__name__)

REQUEST_TIMEOUT: Final = 10.0  # seconds until a client has sent its request and taken the answer

#: Each has a thread. A probe takes milliseconds, so more are clients that only hold their connections.
MAX_CONNECTIONS: Final = 32

Report = Callable[[], Mapping[str, Any]]


class HealthServer(ThreadingHTTPServer):
    """Answers from threads of its own, each request within a time limit and no more than some at once.

    Of too many connections the oldest is closed: a new one may be the orchestrator's.

    Args:
        address: host and port; the host may be an IPv6 address.
        report: `celery_sqs.worker.health.Health.report`.
        timeout: seconds until a client has sent its request and taken the answer.
        connections: at the most.
    """

    def __init__(
        self,
        address: tuple[str, int],
        report: Report,
        timeout: float = REQUEST_TIMEOUT,
        connections: int = MAX_CONNECTIONS,
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._request_timeout = timeout
        self._max_connections = connections
        self._open: dict[Any, float] = {}  # when each began, the oldest first
        super().__init__(address, _handler(report))

    def server_bind(self) -> None:
        """Without the standard library's question to a name server for a name that nobody needs."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a client."""
        for oldest in list(self._open)[: max(0, len(self._open) - self._max_connections + 1)]:
            self._cut_off(oldest)
        self._open[request] = system.time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a client's connection."""
        self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End those that take too long; called twice a second and after each new one."""
        late = system.time.monotonic() - self._request_timeout
        for request, began_at in list(self._open.items()):
            if began_at < late:
                self._cut_off(request)

    def _cut_off(self, request: Any) -> None:
        """Have a connection's thread end: what it waits for is over now."""
        self._open.pop(request, None)
        with contextlib.suppress(OSError):  # its thread was faster
            request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong; a client that is gone is no error."""
        error = sys.exception()
        if not isinstance(error, OSError):
            logger.error("a request to the health port failed", exc_info=error)


def _handler(report: Report) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] == "/metrics":
                self._answer(*exposition())
            else:
                numbers = report()
                status = HTTPStatus.OK if numbers["healthy"] else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(status, "application/json", json.dumps(numbers).encode())

        def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Probes are not worth a line."""

    return Handler
