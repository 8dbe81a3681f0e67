"""A metadata service as a machine or a container on AWS has one, which may have no credentials yet."""

import contextlib
import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

ROLE = "the-role"
CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
CONTAINER = "/of-the-container"


class MetadataService(ThreadingHTTPServer):
    """Answers 404 until it has credentials.

    Attributes:
        has_credentials: whether it gives some out.
        asked: how often it was asked for them.
        key: the access key id that it gives out.
        lifetime: for how long that is valid.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.has_credentials = False
        self.asked = 0
        self.key = "the-key-of-the-role"
        self.lifetime = timedelta(hours=1)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def environments(self):
        """What tells a process that it is a machine's, and what that it is a container's."""
        return {
            "machine": {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url},
            "container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url + CONTAINER},
        }


class _Handler(BaseHTTPRequestHandler):
    def do_PUT(self):
        self._answer(b"the-token" if self.server.has_credentials else None)

    def do_GET(self):
        path = urlsplit(self.path).path
        self.server.asked += path in {CREDENTIALS, CONTAINER}
        credentials = _credentials(self.server)
        known = {CREDENTIALS: ROLE, CREDENTIALS + ROLE: credentials, CONTAINER: credentials}
        self._answer(known[path].encode() if self.server.has_credentials and path in known else None)

    def _answer(self, body):
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args):
        """Say nothing."""


def _credentials(server):
    return json.dumps(
        {
            "Code": "Success",
            "AccessKeyId": server.key,
            "SecretAccessKey": "the-secret",
            "Token": "the-session-token",
            "Expiration": (datetime.now(UTC) + server.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )


@contextlib.contextmanager
def serving():
    with MetadataService() as service:
        threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield service
        service.shutdown()
