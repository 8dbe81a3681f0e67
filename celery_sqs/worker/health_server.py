"""`GET /healthz`, for an orchestrator, and `GET /metrics`, for Prometheus, on one port of a worker."""

import json
import socket
import socketserver
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from celery_sqs.metrics import exposition

REQUEST_TIMEOUT: Final = 5.0  # seconds that a client may be silent

Report = Callable[[], Mapping[str, Any]]


class HealthServer(ThreadingHTTPServer):
    """Answers from threads of its own.

    Args:
        address: host and port; the host may be an IPv6 address.
        report: `celery_sqs.worker.health.Health.report`.
    """

    def __init__(self, address: tuple[str, int], report: Report) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _handler(report))

    def server_bind(self) -> None:
        """Without the standard library's question to a name server for a name that nobody needs."""
        socketserver.TCPServer.server_bind(self)


def _handler(report: Report) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TIMEOUT

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
